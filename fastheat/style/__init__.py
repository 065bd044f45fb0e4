"""Colours and text: how values look, independent of the frames they come from.

- `colors/`: colormaps, norms and the palette.
- `text/`: fonts, number formats and glyphs.
"""
