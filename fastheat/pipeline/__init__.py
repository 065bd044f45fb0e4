"""Writing of frames to a file: jobs on workers, a queue beside a loop, and appending to a file.

- `output`: the GIF that images are written to.
- `session`: a file to which frames are added one by one.
- `jobs`, `workers`: chunks of frames to encode, and the workers that encode them.
- `frame_queue`: frames waiting for the thread that encodes them.
- `sampling`: the choice of steps of a loop to record.
- `resume`: notes in a file from which `mode="a"` continues it.
- `summary`: the summary of what was written, and of what could not be shown as given.

Other rooms import these names, and no others.

Door
----
`frame_queue`: FrameQueue, here
`jobs`: Beside, encodings, measurings, pace_of, span_encodings
`output`: Output
`sampling`: Sampler
`session`: check, find, Session
`summary`: GifSummary, summarise
`workers`: Result, WorkerPool
"""
