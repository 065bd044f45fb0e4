"""Figures: `Heatmap` and `Panels`, their options, and stills.

- `base`: the interface and the drawing that both share.
- `heatmap`, `panels`: the two.
- `aliases`: the names that matplotlib, seaborn and others have for options.
"""
