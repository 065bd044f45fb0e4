"""Text: fonts, number formats, and the drawing of glyphs.

- `fonts`: installed fonts, and fallbacks for letters that a font lacks.
- `formats`: values written by Python's `format` or by a function.
- `labels`: static texts of one or more lines, rotated or not.
- `atlas`: glyphs drawn once, as segments that can be joined in any order.
- `typeset`: texts written in Python, set in segments of an atlas.
"""
