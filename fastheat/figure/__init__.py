"""Figures: `Heatmap` and `Panels`, their options, and stills.

- `base`: the interface and the drawing that both share.
- `heatmap`, `panels`: the two kinds of figure.
- `make`: the creation of a figure for frames of a given shape.
- `arrangement`: the sizes and positions of panels.
- `shared_bar`: a single colour bar for all panels.
- `aliases`: the names of options in matplotlib, seaborn and other libraries.
"""
