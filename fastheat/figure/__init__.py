"""Figures: `Heatmap` and `Panels`, their options, and stills.

- `base`: the interface and the drawing that both share.
- `heatmap`, `panels`: the two.
- `make`: a figure for frames of a shape.
- `arrangement`: the sizes of panels, and where each stands.
- `shared_bar`: the colour bar that stands for all panels.
- `aliases`: the names that matplotlib, seaborn and others have for options.
"""
