"""Figures: `Heatmap` and `Panels`, their options, and stills.

- `base`: the interface and the drawing that both share.
- `heatmap`, `panels`: the two.
- `make`: a figure for frames of a shape.
- `arrangement`: the sizes of panels, and where each stands.
- `shared_bar`: the colour bar that stands for all panels.
- `aliases`: the names that matplotlib, seaborn and others have for options.

Other rooms import these names, and no others.

Door
----
`aliases`: elsewhere
`base`: empty_ranges, Figure, pairs_of, warn_of, warn_of_labels, ways_of
`heatmap`: Heatmap, option_names
`make`: check_figure, check_figure_options, likely_shape, make_figure
`panels`: Panels
"""
