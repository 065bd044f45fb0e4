"""Decoders of other projects: Pillow's and ffmpeg's."""

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
    """Return the decoded frames, each with its duration in ms."""
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
            if frame.format.name == "bgra":  # to_ndarray would convert it with swscale
                plane = np.frombuffer(bytes(frame.planes[0]), np.uint8)
                bgra = plane.reshape(frame.height, frame.planes[0].line_size)[:, : 4 * frame.width]
                picture = bgra.reshape(frame.height, frame.width, 4)
                assert (picture[..., 3] == 255).all()
                frames.append(picture[..., 2::-1].copy())
            else:
                frames.append(np.asarray(frame.to_ndarray(format="rgb24"), np.uint8))
    return frames


def assert_lossless(data: bytes, wanted: Sequence[Pixels], delay: float = 100.0) -> None:
    """Check that both decoders give the wanted frames, `delay` ms each; equal ones may merge."""
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
    """Return how many frames each installed decoder finds in a file, all of which it decodes."""
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
