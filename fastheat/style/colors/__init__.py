"""Colours: from values to palette entries.

- `colors`: colours as matplotlib reads them, contrast and colour difference.
- `colormaps`: matplotlib's colormaps, and those of other packages.
- `norms`: matplotlib's norms.
- `norm_objects`: norm objects of matplotlib and of other packages.
- `bins`: the exact edges, in data units, of a colormap's bins under any norm.
- `branches`: the colours of norms that fall somewhere outside their range.
- `palette`: at most 256 colours for everything in a picture.
"""
