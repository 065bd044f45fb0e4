"""Encoders that turn the same index frames into a GIF, given frames, a palette and a path."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import fastheat

Indices = NDArray[np.uint8]
Encoder = Callable[[Indices, Indices, Path], object]
DURATION = 20  # ms


def by_fastheat(frames: Indices, palette: Indices, path: Path) -> None:
    fastheat.save_indexed_gif(path, frames, palette, duration=DURATION)


def by_pillow(frames: Indices, palette: Indices, path: Path) -> None:
    images = [Image.fromarray(frame) for frame in frames]
    for image in images:
        image.putpalette(palette.tobytes())
    images[0].save(
        path, save_all=True, append_images=images[1:], optimize=False, duration=DURATION, loop=0
    )


def by_imageio(frames: Indices, palette: Indices, path: Path) -> None:
    import imageio.v3 as iio

    iio.imwrite(path, palette[frames], duration=DURATION, loop=0)


def by_ffmpeg(frames: Indices, palette: Indices, path: Path) -> None:
    import av

    opaque = np.concatenate([np.full((256, 1), 255, np.uint8), palette], axis=1)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("gif", rate=1000 // DURATION)
        stream.height, stream.width = frames.shape[1:]
        stream.pix_fmt = "pal8"
        for frame in frames:
            pair: Any = frame, opaque
            picture = av.VideoFrame.from_ndarray(pair, format="pal8")
            container.mux(stream.encode(picture))
        container.mux(stream.encode())


def by_cgif(frames: Indices, palette: Indices, path: Path) -> None:
    import pyvips

    count, height, width = frames.shape
    pixels = palette[frames].reshape(count * height, width, 3)
    image = pyvips.Image.new_from_memory(pixels.tobytes(), width, count * height, 3, "uchar")
    image = image.copy(interpretation="srgb")
    image.set_type(pyvips.GValue.gint_type, "page-height", height)
    image.set_type(pyvips.GValue.array_int_type, "delay", [DURATION] * count)
    image.gifsave(str(path), dither=0, bitdepth=8, interframe_maxerror=0)


def by_gifsicle(level: int, plain: Path) -> Encoder:
    """Return an encoder that optimises a GIF written by another encoder."""

    def encode(frames: Indices, palette: Indices, path: Path) -> None:
        command = ["gifsicle", f"-O{level}", str(plain), "-o", str(path)]
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)

    return encode


def by_gifski(pictures: Path) -> Encoder:
    """Return an encoder of PNG files, which chooses its own colours."""

    def encode(frames: Indices, palette: Indices, path: Path) -> None:
        files = sorted(map(str, pictures.glob("*.png")))
        command = ["gifski", "--quiet", "--fps", str(1000 // DURATION), "-o", str(path), *files]
        subprocess.run(command, check=True)

    return encode


def available(
    frames: Indices, palette: Indices, folder: Path
) -> tuple[dict[str, Encoder], list[str]]:
    """Return the encoders available on this machine, and the missing ones with the reasons.

    The files that some of them start from, a plain GIF or PNG files, are written to `folder` first.
    """
    encoders: dict[str, Encoder] = {"fastheat": by_fastheat, "Pillow": by_pillow}
    missing = []
    for name, module, encoder in (
        ("imageio", "imageio", by_imageio),
        ("ffmpeg (av)", "av", by_ffmpeg),
        ("cgif (pyvips)", "pyvips", by_cgif),
    ):
        if importlib.util.find_spec(module):
            encoders[name] = encoder
        else:
            missing.append(f'{name} (pip install "fastheat[bench]")')
    if shutil.which("gifsicle"):
        plain = folder / "plain.gif"
        by_pillow(frames, palette, plain)
        encoders["gifsicle -O2, on Pillow's file"] = by_gifsicle(2, plain)
        encoders["gifsicle -O3, on Pillow's file"] = by_gifsicle(3, plain)
    else:
        missing.append("gifsicle (not on PATH)")
    if shutil.which("gifski"):
        pictures = folder / "pictures"
        pictures.mkdir()
        for k, frame in enumerate(frames):
            Image.fromarray(palette[frame]).save(pictures / f"{k:05}.png")
        encoders["gifski, from PNG files"] = by_gifski(pictures)
    else:
        missing.append("gifski (not on PATH)")
    return encoders, missing


def is_lossless(path: Path, frames: Indices, palette: Indices) -> bool:
    """Return whether Pillow decodes exactly these pixels; equal frames in a row may be merged."""
    shown = iter(frames)
    last: Indices | None = None
    with Image.open(path) as image:
        for number in range(getattr(image, "n_frames", 1)):
            image.seek(number)
            picture = np.asarray(image.convert("RGB"))
            frame = next(shown, None)
            while frame is not None and last is not None and (frame == last).all():
                if (picture == palette[frame]).all():
                    break
                frame = next(shown, None)
            if frame is None or (picture != palette[frame]).any():
                return False
            last = frame
    return all(last is not None and (frame == last).all() for frame in shown)
