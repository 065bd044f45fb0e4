"""Figures: `Heatmap` and `Panels`, their options, and stills.

- `base`: the interface and the drawing that both share.
- `heatmap`, `panels`: the two kinds of figure.
- `make`: the creation of a figure for frames of a given shape.
- `arrangement`: the sizes and positions of panels.
- `shared_bar`: a single colour bar for all panels.
- `aliases`: the names of options in matplotlib, seaborn and other libraries.

Other rooms import these names, and no others.

Door
----
`aliases`: elsewhere
`base`: empty_ranges, Figure, made_up_ranges, pairs_of, warn_of, warn_of_labels, ways_of
`heatmap`: Heatmap, option_names
`make`: check_figure, check_figure_options, likely_shape, make_figure
`panels`: Panels
"""
