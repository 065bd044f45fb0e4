"""Kernels, and how they become machine code.

- `kernels`: all of them.
- `jit`: declares and calls them.
- `objects`: finds, checks and loads machine code.
- `compiling`: makes it, with numba, in a process of its own.
- `symbols`: the functions that an object file asks for.
"""
