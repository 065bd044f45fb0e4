"""Frames into a file: jobs on workers, a queue beside a loop, and going on after a restart.

- `output`: the GIF that images are written to.
- `session`: a file to which frames are added one by one.
- `jobs`, `workers`: what is encoded together, and who does it.
- `frame_queue`: frames that wait for the thread that encodes them.
- `sampling`: which steps of a loop are recorded.
- `resume`: what a file says of itself, for `mode="a"`.
- `summary`: what was written, and what not as it was given.

Other rooms import these names, and no others.

Door
----
`frame_queue`: FrameQueue, here
`jobs`: Beside, Encoded, encodings, measurings, pace_of, span_encodings
`output`: Output
`sampling`: Sampler
`session`: check, find, Session
`summary`: GifSummary, summarise
`workers`: WorkerPool
"""
