"""Readers that turn any source of frames into float64 chunks, titles, annotations and ranges.

- `sources/`: random access to the matrices in arrays, files, folders and clusters.
- `frames/`: frames in order, with their annotations and ranges.
"""
