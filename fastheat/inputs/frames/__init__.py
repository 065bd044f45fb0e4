"""Frames in their order: values, annotations and ranges, a chunk at a time.

- `stream`: frames from any source as chunks of float64.
- `annotations`: what is written in the cells in place of the values.
- `ranges`: the least and greatest of all frames.
- `spans`: frames that a worker reads for itself.
"""
