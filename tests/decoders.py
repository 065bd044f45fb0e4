"""Decoders that are not ours: Pillow's and ffmpeg's."""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from PIL import Image

Pixels = npt.NDArray[np.uint8]


def by_pillow(data: bytes) -> list[tuple[Pixels, float]]:
    """Decode to pictures with their milliseconds."""
    frames = []
    with Image.open(io.BytesIO(data)) as image:
        for number in range(getattr(image, "n_frames", 1)):
            image.seek(number)
            picture = np.asarray(image.convert("RGB"))
            frames.append((picture, float(image.info["duration"])))
    return frames


def by_ffmpeg(data: bytes) -> list[Pixels]:
    frames: list[Pixels] = []
    with av.open(io.BytesIO(data), "r", format="gif") as container:
        for frame in container.decode(video=0):
            if frame.format.name == "bgra":  # to_ndarray would let swscale convert it
                plane = np.frombuffer(bytes(frame.planes[0]), np.uint8)
                bgra = plane.reshape(frame.height, frame.planes[0].line_size)[:, : 4 * frame.width]
                picture = bgra.reshape(frame.height, frame.width, 4)
                assert (picture[..., 3] == 255).all()
                frames.append(picture[..., 2::-1].copy())
            else:
                frames.append(np.asarray(frame.to_ndarray(format="rgb24"), np.uint8))
    return frames


def assert_lossless(data: bytes, wanted: Sequence[Pixels], delay: float = 100.0) -> None:
    """Frames of `delay` ms each are those wanted, by both decoders; equal ones may be merged."""
    found = by_pillow(data)
    repeats = [round(duration / delay) for _, duration in found]
    assert sum(repeats) == len(wanted)
    others = by_ffmpeg(data)
    assert len(others) == len(found)
    shown = 0
    for (picture, _), other, times in zip(found, others, repeats, strict=True):
        for _ in range(times):
            np.testing.assert_array_equal(picture, wanted[shown])
            shown += 1
        np.testing.assert_array_equal(other, picture)


def every_decoder(path: Path) -> dict[str, int]:
    """Decode all of a file by each decoder that is installed; return how many frames each finds."""
    data = path.read_bytes()
    counts = {"Pillow": len(by_pillow(data)), "ffmpeg": len(by_ffmpeg(data))}
    if importlib.util.find_spec("pyvips"):
        import pyvips

        image = pyvips.Image.new_from_buffer(data, "", n=-1, fail_on="truncated")
        assert len(image.write_to_memory()) == image.width * image.height * image.bands
        counts["libvips"] = image.get("n-pages") if image.get_typeof("n-pages") else 1
    if importlib.util.find_spec("cv2"):
        import cv2

        _, animation = cv2.imreadanimation(str(path))
        counts["OpenCV"] = len(animation.frames)
    return counts
