"""From options to where everything stands, and in which palette entry.

- `layout`: everything that a frame is drawn from, but its values.
- `sizes`: how large cells and their texts are.
- `arrange`: the same of several panels, and how they share a picture.
- `axes/`: what stands around the cells.
- `lineplot`: the axes of the line plot beneath panels.
- `reduction`: blocks of values in matrices of more cells than the picture has room for.
- `frame_ranges`: a range for each frame.
"""
