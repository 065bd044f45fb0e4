"""Colours and letters: how values look, whatever frames they come from.

- `colors/`: colormaps, norms and the palette.
- `text/`: fonts, formats and glyphs.
"""
