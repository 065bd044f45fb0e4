"""Letters: fonts, what is written, and glyphs laid side by side.

- `fonts`: fonts that are installed, and the letters that they have.
- `formats`: values as Python's `format` or a function writes them.
- `labels`: texts of one or more lines, turned or not.
- `atlas`: glyphs drawn once, in segments that can be laid in any order.
- `typeset`: texts that Python wrote, laid from such segments.
"""
