"""The command line.

- `main`: the commands.
- `arguments`: how what is given becomes options.
- `report`: what is printed.
- `demo`: a small autoencoder whose weights are drawn.
"""
