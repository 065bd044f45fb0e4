"""The GIF container: blocks, files and timing. Nothing in here knows about pixels.

- `blocks`: writing and reading the blocks of GIF89a.
- `limits`: the largest side of a picture.
- `file`: a file that grows frame by frame and is a valid GIF at every instant.
- `clock`: durations in milliseconds -> delays in hundredths of a second.
- `target`: checks of the output, and the lock that gives one writer sole use of it.

Other rooms import these names, and no others.

Door
----
``: blocks
`clock`: Clock, DEFAULT_DURATION, LONGEST_DURATION, read_loop, read_milliseconds, warn_of_seconds
`file`: GifFile, Tail
`limits`: LARGEST_SIDE
`target`: check_other, check_place, check_target, Claim
"""
