"""Layouts, made from options: the position and palette entry of everything in an image.

- `look`: the table of options, and the options of a heatmap in the form that layouts need.
- `options`: readers of the values that users give.
- `layout`: everything from which frames are drawn, except their values.
- `build`: the layout of one matrix.
- `compose`: the layout of several matrices as panels of one image, with one palette.
- `arrange`: positions of panels beside and beneath each other.
- `sizes`: the sizes of cells and of the text in them.
- `axes/`: labels, ticks, titles and the colour bar around the cells.
- `lineplot`: the axes of the line plot beneath panels.
- `reduction`: blocks of values, for matrices with more values than the image has pixels.
- `frame_ranges`: ranges of individual frames.

Other rooms import these names, and no others.

Door
----
``: build
`arrange`: arrange, check_size, FLATTEST, largest, least_white, Order, Size, Sizes, SMALLEST, Tile
`axes`: geometry
`axes.drawing`: pieces
`axes.geometry`: Frame, MOST_SIDE, SHORTEST_SIDE, WORDS
`axes.measures`: POINTS, TIGHT_PAD
`build`: thickened
`compose`: compose, Heading
`layout`: extremes_of, Layout, Panel, Shown, TitlePlace
`lineplot`: base_of, FEWEST_STEPS, limits_so_far, MOST_LINES, places_of, Plot, size_of, Stage,
    stages_of, WIDTH
`look`: bar_options, COLORS, LABELS, listed, OPTIONS, PICTURE, read_look, VALUES, with_typeface
`options`: Given, Labels, labels_of, read_color, read_figure, read_limits, read_shape, read_text,
    read_text_sizes, read_title
`reduction`: Reduction
`sizes`: longest_of, MOST_SEEN
"""
