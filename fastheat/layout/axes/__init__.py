"""Axes around the cells: labels, ticks, titles, grid lines and the colour bar.

- `measures`: lengths of ticks and pads, with matplotlib's defaults.
- `colorbar`: the colour bar.
- `geometry`: the size of cells, and the positions of everything around them.
- `thinning`: the choice of labels, and of ticks of the colour bar, that fit.
- `ticks`: positions of ticks, as by matplotlib's locators.
- `bar_numbers`: numbers at a colour bar whose range changes.
- `drawing`: drawing of everything that never changes.
"""
