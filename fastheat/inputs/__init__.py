"""Readers that turn any source of frames into float64 chunks, titles, annotations and ranges.

- `sources/`: random access to the matrices in arrays, files, folders and clusters.
- `frames/`: frames in order, with their annotations and ranges.

Other rooms import these names, and no others.

Door
----
`frames.annotations`: Annots, by_panel, Cells, cells_in, facts_of, kind_of, MOST_DIFFERENT,
    open_annots, Parts, read_annot, Sample, sample_of, SAMPLED, Samples, shape_of, TEXTS,
    written_dtype
`frames.opening`: open_frames
`frames.ranges`: completed_range, DataLimits, MatrixLimits, Range, range_text, wider_limits
`frames.spans`: chunk_length, Span, spans_of
`frames.stream`: converted_shape, Frames, KEPT_BYTES, matrix_in
`sources.arrays`: array_of, as_matrix, check_frame, check_type, Floats, Frame, is_masked_array,
    join_frames
`sources.checkpoints`: has_pattern
`sources.files`: file_of, load
`sources.labelled`: aligned, Aligners, Axes, axes_of, Axis, caption_of, texts_of
`sources.masks`: hidden, hide, is_masked, MASKED
`sources.npy`: read_header
`sources.numbering`: COUNTED
`sources.objects`: numbers_of
`sources.readers`: suffix_of
`sources.shapes`: cells_of, check_names, flat, form_of, left_out, MOST_CELLS, of_panel, parts_in,
    parts_of, Shape, Shapes, split, warn_of_left_out
`sources.source`: FileArray, is_ready, let_go
`sources.tensors`: as_array
"""
