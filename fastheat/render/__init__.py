"""Rendering: a layout and values become palette indices or image blocks; no files, no clocks.

- `encode`: the image blocks of consecutive frames.
- `stills`: the pixels of a single frame.
- `cells`: texts in cells, and cells that differ from the previous frame.
- `margins`: titles and colour bar numbers that change from frame to frame.
- `lineplot`: line plots, each continued from that of the previous frame.
- `kernels/`: compiled code.

Other rooms import these names, and no others.

Door
----
`encode`: encode_between, encode_chunk, encode_indexed, Images, joined, Shot
`kernels`: jit, objects
`kernels.reduce`: end_of_blocks, mean_of_blocks
`lineplot`: History, Past
`stills`: paint
"""
