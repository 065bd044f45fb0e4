"""The command line.

- `main`: the commands, their arguments and what they print.
- `demo`: a small autoencoder whose weights are drawn.
"""
