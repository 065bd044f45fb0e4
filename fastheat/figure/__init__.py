"""Heatmap and Panels: their options, and pictures of one frame.

- `base`: what both can do.
- `heatmap`, `panels`: the two.
- `options`: values that are given, checked and read.
- `aliases`: names that matplotlib, seaborn and others have for them.
"""
