"""A layout and values to palette indices, or to encoded images; it knows no file and no clock.

- `encode`: the images of consecutive frames.
- `stills`: the picture of one frame.
- `cells`: the texts in cells, and the cells that differ from the frame before.
- `margins`: titles and numbers that change from frame to frame.
- `lineplot`: line plots, each drawn on from the frame before.
- `kernels/`: compiled code.
"""
