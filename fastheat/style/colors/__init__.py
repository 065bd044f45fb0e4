"""Colours, and which of them a value has.

- `colors`: colours as matplotlib reads them, and how far apart two look.
- `colormaps`: matplotlib's tables, and those of other packages.
- `norms`: matplotlib's norms, and those of others.
- `bins`: from where on a value has the next colour, by any norm.
- `palette`: at most 256 colours for all that a picture shows.
"""
