"""Options to layouts: where everything stands, and in which palette entry.

- `look`: the table of options, and a heatmap's options as layouts need them.
- `options`: readers of the values that users give.
- `layout`: everything that frames are drawn from, except their values.
- `build`: the layout of one matrix.
- `compose`: several of them as the panels of one picture, with one palette.
- `arrange`: where panels stand beside and beneath each other.
- `sizes`: the sizes of cells and of the texts in them.
- `axes/`: labels, ticks, titles and the colour bar around the cells.
- `lineplot`: the axes of the line plot beneath panels.
- `reduction`: blocks of values, for matrices with more values than the picture has pixels.
- `frame_ranges`: a range of its own for each frame.
"""
