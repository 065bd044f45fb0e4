"""Frames in order, a chunk at a time: their values, annotations and ranges.

- `opening`: anything that has matrices one after the other, opened as `Frames`.
- `keyed`: frames with keys, such as steps, without them.
- `matrices`: frames of several matrices.
- `stream`: frames as chunks of float64.
- `annotations`: numbers or texts that cells show instead of their values.
- `ranges`: the smallest and largest values of all frames.
- `spans`: runs of consecutive frames that a worker reads for itself.
"""
