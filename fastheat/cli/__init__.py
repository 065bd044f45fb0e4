"""The command line.

- `main`: the commands.
- `arguments`: the parser, and the conversion of arguments to options.
- `report`: summaries, file information, warnings and errors in print.
- `demo`: a small autoencoder, for weights to draw.
"""
