"""The GIF container: the exact bytes of every block, and reading them back."""

import io
import struct

import numpy as np
import pytest
from gif_info import read_info
from PIL import Image

from fastheat.gif import blocks

TABLE = np.arange(768, dtype=np.uint16).astype(np.uint8).reshape(256, 3)

BLOCKS = [
    # (the block, its bytes)
    (blocks.graphic_control(2, None), b"!\xf9\x04\x04\x02\x00\x00\x00"),
    (blocks.graphic_control(65535, 0), b"!\xf9\x04\x05\xff\xff\x00\x00"),
    (blocks.graphic_control(300, 7), b"!\xf9\x04\x05\x2c\x01\x07\x00"),
    (blocks.EMPTY_IMAGE, b",\0\0\0\0\1\0\1\0\0\2\2\x44\x01\0"),
    (
        blocks.header((3, 258), TABLE, 3, None),
        b"GIF89a\x03\x00\x02\x01\xf1\0\0" + TABLE[:4].tobytes(),
    ),
    (
        blocks.header((1, 1), TABLE, 2, 0),
        b"GIF89a\x01\x00\x01\x00\xf0\0\0"
        + TABLE[:2].tobytes()
        + b"!\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00",
    ),
    (blocks.header((1, 1), TABLE, 256, 513)[-5:], b"\x03\x01\x01\x02\x00"[-5:]),
]


@pytest.mark.parametrize(("block", "expected"), BLOCKS)
def test_blocks_are_the_bytes_of_the_specification(block: bytes, expected: bytes) -> None:
    assert block == expected


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 128, 129, 255, 256])
def test_the_colour_table_holds_the_colours_in_use(count: int) -> None:
    data = blocks.header((5, 5), TABLE, count, None)
    colors = 2 << (data[10] & 7)
    assert colors >= max(2, count)
    assert colors == 2 or colors // 2 < count
    assert data[13:] == TABLE[:colors].tobytes()


def whole(*images: bytes, loop: int | None = 0) -> bytes:
    return blocks.header((4, 4), TABLE, 4, loop) + b"".join(images) + b";"


def test_an_empty_image_changes_nothing() -> None:
    first = b",\0\0\0\0\4\0\4\0\0\2\4\x8c\x8f\x19\x05\0"
    data = whole(
        blocks.graphic_control(5, None) + first, blocks.graphic_control(9, 0) + blocks.EMPTY_IMAGE
    )
    with Image.open(io.BytesIO(data)) as image:
        assert getattr(image, "n_frames") == 2  # noqa: B009
        before = image.convert("RGB").tobytes()
        image.seek(1)
        assert image.info["duration"] == 90
        assert image.convert("RGB").tobytes() == before


@pytest.mark.parametrize("loop", [None, 0, 3, 65535])
def test_what_was_written_is_read_back(loop: int | None) -> None:
    image = blocks.graphic_control(12, 0) + blocks.EMPTY_IMAGE
    other = blocks.graphic_control(400, None) + blocks.EMPTY_IMAGE
    data = whole(image, other, blocks.EMPTY_IMAGE, loop=loop)
    info = read_info(io.BytesIO(data + b"trailing"))
    assert (info.size, info.colors, info.loop) == ((4, 4), 4, loop)
    assert [f.delay for f in info.frames] == [12, 400, 0]
    assert [f.transparent for f in info.frames] == [0, None, None]
    assert [f.disposal for f in info.frames] == [1, 1, 0]
    assert [data[f.offset : f.offset + f.length] for f in info.frames] == [
        image,
        other,
        blocks.EMPTY_IMAGE,
    ]
    assert (info.length, info.trailing) == (len(data), 8)
    assert info.duration == 4120


def test_files_of_other_programs_are_read() -> None:
    frames = [Image.effect_noise((30, 20), sigma).convert("P") for sigma in (10, 50, 90)]
    file = io.BytesIO()
    frames[0].save(
        file, "GIF", save_all=True, append_images=frames[1:], duration=70, loop=2, comment=b"hello"
    )
    file.seek(0)
    info = read_info(file)
    assert (info.size, info.loop, [f.delay for f in info.frames]) == ((30, 20), 2, [7, 7, 7])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "expected a GIF"),
        (b"PNG....", "expected a GIF"),
        (b"GIF89a\x01", "ends at byte"),
        (whole(blocks.EMPTY_IMAGE)[:-3], "ends at byte"),
        (whole(blocks.EMPTY_IMAGE)[:-1], "ends at byte"),
        (whole(b"X"), "expected an extension, an image or the trailer"),
    ],
)
def test_damaged_files_are_refused(data: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_info(io.BytesIO(data))


def test_every_cut_of_a_file_is_refused() -> None:
    data = whole(blocks.graphic_control(12, 0) + blocks.EMPTY_IMAGE)
    for length in range(len(data)):
        with pytest.raises((ValueError, struct.error)):
            read_info(io.BytesIO(data[:length]))
