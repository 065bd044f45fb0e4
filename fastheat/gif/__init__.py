"""The container: GIF's bytes, files and clock, which know nothing of pixels.

- `blocks`: the blocks of GIF89a, written and read.
- `file`: a file that grows a frame at a time and is whole at every instant.
- `clock`: durations in milliseconds to delays in hundredths of a second.
- `target`: where a file is to be, and that one writer alone has it.
"""
