"""Colours, and which of them a value has.

- `colors`: colours as matplotlib reads them, and how far apart two look.
- `colormaps`: matplotlib's tables, and those of other packages.
- `norms`: from values to bins, as matplotlib's norms.
- `palette`: at most 256 colours for all that a picture shows.
"""
