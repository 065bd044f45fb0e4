"""What stands around the cells: labels, ticks, titles, grid lines and the colour bar.

- `measures`: lengths of ticks and pads, as matplotlib has them.
- `colorbar`: the colour bar.
- `geometry`: how large cells are, and where all that surrounds them stands.
- `thinning`: which labels are shown, and which of the colour bar's ticks.
- `ticks`: where ticks are, as matplotlib's locators have them.
- `bar_numbers`: numbers of a colour bar whose range changes.
- `drawing`: what never changes, drawn once.
"""
