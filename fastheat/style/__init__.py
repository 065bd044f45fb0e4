"""Colours and text: how values look, independent of the frames they come from.

- `colors/`: colormaps, norms and the palette.
- `text/`: fonts, number formats and glyphs.

Other rooms import these names, and no others.

Door
----
`colors`: norms
`colors.bins`: bin_edges, edge_above, Edges, edges_of_ranges
`colors.branches`: BranchedRule, with_branches
`colors.colormaps`: colormap, Colormap
`colors.colors`: parse_color, parse_rgba, RGB
`colors.norm_objects`: copied, NormObject
`colors.norms`: AsinhNorm, BoundaryNorm, CenteredNorm, check_range, IndexNorm, LINEAR, LogNorm,
    Norm, PowerNorm, Scale, SYMLOG_LINEAR, SymLogNorm, TwoSlopeNorm
`colors.palette`: join_levels, Palette, plan_palette, shades_over, share_palette, SharedPalette,
    starts_of
`text.atlas`: ALL_PAIRS, atlas_of_all, can_be_cut, COVERAGE_STEPS, draw_letters, EVEN_SIZE,
    extent, has_even_digits, join_drawings, margin, measure, overlay, parts, SHRINK, size_ladder,
    SMALLEST_SIZE, STATIC_SUPERSAMPLE, with_atlas
`text.fonts`: Face, find_typeface, Typeface
`text.formats`: AS_THEY_ARE, as_written, check_length, EXPONENT, GENERAL, LONGEST, MAX_PRECISION,
    parse_valfmt, PERCENT, Template, title_template, ValueFormat
`text.labels`: anchor_outside, apart, Box, distance, fitted, Label, line_extent, number_width,
    Placed, POWER_GAP, POWER_RAISE, POWER_SIZE, thinned, wrapped
`text.typeset`: LEADING, letter, Lettering, shape_texts
"""
