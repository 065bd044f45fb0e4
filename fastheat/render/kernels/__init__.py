"""Kernels, and how they become machine code.

They run without the interpreter's lock, fill what the caller lends, and trust their arguments.

- `digits`: numbers as `format` writes them.
- `blocks`: many values to one.
- `cells`: what cells show, and which have changed.
- `runs`: what has changed as runs of one palette index.
- `lzw`: runs to codes.
- `lists`: the runs that change from frame to frame, of each part of a picture.
- `images`: these runs as image blocks.
- `stills`: cells drawn into a picture.
- `lines`: the lines of plots.
- `unsigned`: numbers that several of them share.
- `jit`: declares and calls them.
- `objects`: finds, checks and loads machine code.
- `compiling`: makes it, with numba, in a process of its own.
- `symbols`: the functions that an object file asks for.
"""
