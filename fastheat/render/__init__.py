"""A layout and values to palette indices, or to encoded images; it knows no file and no clock.

- `encode`: the images of frames that follow one another.
- `stills`: the picture of one frame.
- `cells`: what is written in cells, and which differ from the frame before.
- `margins`: titles and numbers that change from frame to frame.
- `lineplot`: line plots, drawn on from the frame before.
- `kernels/`: what is compiled.
"""
