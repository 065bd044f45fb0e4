"""Kernels, and their compilation to machine code.

Kernels run without the interpreter's lock, write to buffers of the caller, and do not check their
arguments.

- `digits`: numbers to text, as `format` writes them.
- `reduce`: blocks of values to one value each.
- `cells`: slots and texts of cells, and their changes.
- `runs`: changes as runs of one palette index.
- `lzw`: runs to codes.
- `lists`: the runs that change from frame to frame, of each part of a picture.
- `images`: these runs as image blocks.
- `stills`: cells drawn into a picture.
- `lines`: the lines of plots.
- `unsigned`: uint64 constants that several of them share.
- `jit`: declaring and calling kernels.
- `objects`: finding, checking and loading machine code.
- `compiling`: making it, with numba, in a separate process.
- `symbols`: the external functions that an object file needs.
"""
