"""Undefined symbols of object files: ELF, Mach-O and COFF of 64-bit little-endian systems."""

from __future__ import annotations

from collections.abc import Iterator
from struct import iter_unpack, unpack_from


def undefined(code: bytes) -> set[str]:
    """Return the names that an object file uses but does not define, as spelled in C."""
    if code.startswith(b"\x7fELF"):
        return set(_of_elf(code))
    if code.startswith(b"\xcf\xfa\xed\xfe"):
        return set(_of_mach(code))
    return set(_of_coff(code))


def _name(code: bytes, start: int) -> str:
    return code[start : code.index(b"\0", start)].decode()


def _of_elf(code: bytes) -> Iterator[str]:
    """Yield the undefined symbols of an ELF file: those in section 0, SHN_UNDEF.

    See the System V ABI, chapter 4.
    """
    (place,) = unpack_from("<Q", code, 40)
    size, count = unpack_from("<HH", code, 58)
    # sh_type, sh_offset, sh_size and sh_link of each section
    sections = [unpack_from("<4xI16xQQI", code, place + k * size) for k in range(count)]
    for kind, start, length, link in sections:
        if kind != 2:  # SHT_SYMTAB
            continue
        names = sections[link][1]
        for name, section in iter_unpack("<I2xH16x", code[start : start + length]):
            if name and section == 0:
                yield _name(code, names + name)


def _of_mach(code: bytes) -> Iterator[str]:
    """Yield the undefined symbols of a Mach-O file: N_UNDF, no value as of common ones.

    See the OS X ABI Mach-O file format reference.
    """
    (commands,) = unpack_from("<I", code, 16)
    place = 32
    for _ in range(commands):
        command, size = unpack_from("<II", code, place)
        if command == 2:  # LC_SYMTAB
            start, count, names = unpack_from("<III", code, place + 8)
            for name, kind, value in iter_unpack("<IB3xQ", code[start : start + 16 * count]):
                if kind & 0x0E == 0 and value == 0:
                    yield _name(code, names + name).removeprefix("_")
        place += size


def _of_coff(code: bytes) -> Iterator[str]:
    """Yield the undefined symbols of a COFF file: IMAGE_SYM_UNDEFINED, no value as of common ones.

    See Microsoft's PE format.
    """
    start, count = unpack_from("<II", code, 8)
    names = start + 18 * count
    skipped = 0
    for k in range(count):
        if skipped:
            skipped -= 1
            continue
        zeros, offset, value, section, _, kind, skipped = unpack_from(
            "<IIIhHBB", code, start + 18 * k
        )
        if section == 0 and kind == 2 and value == 0:  # IMAGE_SYM_CLASS_EXTERNAL
            if zeros:
                yield code[start + 18 * k : start + 18 * k + 8].rstrip(b"\0").decode()
            else:
                yield _name(code, names + offset)
