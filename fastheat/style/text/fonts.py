"""Fonts: found by path or name, with fallbacks for the letters that a font lacks."""

from __future__ import annotations

import importlib.util
import io
import os
import re
import sys
import unicodedata
from collections.abc import Iterator
from functools import cache, lru_cache
from os import PathLike, fspath
from pathlib import Path
from typing import NamedTuple, cast

from PIL import Image, ImageFont, features

from fastheat.messages import short, suggest, warn

BASIC = ImageFont.Layout.BASIC
ENDINGS = (".ttf", ".otf", ".ttc", ".otc")
NO_CHARACTER = "\U0010ffff"  # in no font, so that the glyph for missing characters is drawn
MOST_IN_COLLECTION = 32

# matplotlib's font.serif and so on, shortened to fonts that come with operating systems
GENERIC = {
    "sans-serif": ("DejaVu Sans", "Arial", "Helvetica", "Liberation Sans", "Noto Sans"),
    "serif": ("DejaVu Serif", "Times New Roman", "Times", "Liberation Serif", "Noto Serif"),
    "monospace": ("DejaVu Sans Mono", "Courier New", "Menlo", "Liberation Mono", "Noto Sans Mono"),
    "cursive": ("Apple Chancery", "Comic Sans MS", "Comic Neue", "Z003"),
}
GENERIC["sans"] = GENERIC["sans serif"] = GENERIC["sans-serif"]
GENERIC["mono"] = GENERIC["monospace"]

PLAIN = {"regular", "book", "roman", "normal", "plain", "text"}
# boxes for all characters, symbols in place of letters, bitmaps of one size
UNFIT = re.compile(r"last\s*resort|adobe blank|stixsiz|stixnonuni|^cm[a-z]+10$|color emoji", re.I)


class Typeface(NamedTuple):
    """A font, and fallbacks for letters that it lacks."""

    path: str | None = None  # None for Pillow's own font
    number: int = 0  # index in a collection
    others: tuple[Typeface, ...] = ()

    @property
    def own(self) -> Typeface:
        """The font without its fallbacks."""
        return Typeface(self.path, self.number)

    def at(self, size: float) -> Face:
        """Return the font at a size in pixels, with Pillow's basic layout."""
        return _face(self, size)

    def lacks(self, text: str) -> str:
        """Return the characters of `text` for which no font has a glyph."""
        return "".join(c for c in dict.fromkeys(text) if _is_drawn(c) and self.file_of(c) is None)

    def file_of(self, text: str) -> Typeface | None:
        """Return the first font that has every letter of a text, or None."""
        return _file_of(self, text)


class Face(ImageFont.FreeTypeFont):
    """A typeface at a size: its first font, while `of` returns the font for a given text."""

    typeface: Typeface

    def of(self, text: str) -> ImageFont.FreeTypeFont:
        """Return the font for a text, which is one of `clusters` or entirely in one font."""
        return _font_of(self, text)


def clusters(text: str, typeface: Typeface) -> list[str]:
    """Return the clusters of a line: texts that are drawn side by side, each as one glyph.

    A cluster is a letter. A line whose letters join or run right to left is one cluster, or one for
    each part that a single font has.
    """
    if text.isascii():
        return list(text) if text.isprintable() else [c if c >= " " else " " for c in text]
    text = unicodedata.normalize("NFC", text)
    if not is_shaped(text) or not features.check("raqm"):
        return [c if _is_drawn(c) else " " for c in text if _is_drawn(c) or c.isspace()]
    if typeface.file_of(text) is not None:
        return [text]
    parts: list[str] = []
    for c in text:
        joined = parts and (c.isspace() or unicodedata.category(c)[0] == "M")
        if joined or (parts and typeface.file_of(parts[-1] + c) is not None):
            parts[-1] += c
        else:
            parts.append(c)
    return parts[::-1] if _runs_left(text) else parts


def is_shaped(text: str) -> bool:
    """Return True if letters of a text join, or run right to left."""
    return not text.isascii() and any(
        unicodedata.bidirectional(c) in ("R", "AL") or unicodedata.category(c) in ("Mn", "Mc")
        for c in text
        if c not in _SELECTORS
    )


def _runs_left(text: str) -> bool:
    strong = (unicodedata.bidirectional(c) for c in text)
    return next((kind for kind in strong if kind in ("L", "R", "AL")), "L") != "L"


MOST_LACKED = 2000  # letters that a font may lack, at most
_COMPRESSED = (b"wOFF", b"wOF2", b"\x1f\x8b", b"\x1f\x9d", b"BZh")
_SELECTORS = "\ufe0e\ufe0f"  # variation selectors: text or emoji style


def _is_drawn(c: str) -> bool:
    """Return True if a character needs a glyph of its own."""
    return not c.isspace() and c not in _SELECTORS and unicodedata.category(c) != "Cf"


@lru_cache(maxsize=256)
def _face(typeface: Typeface, size: float) -> Face:
    path: str | io.BytesIO | None = typeface.path
    if path is None:
        font = ImageFont.load_default(size)
        if not isinstance(font, ImageFont.FreeTypeFont):
            raise RuntimeError("expected a Pillow built with FreeType, which draws text")
        path = io.BytesIO(cast("io.BytesIO", font.path).getvalue())
    face = Face(path, size, typeface.number, layout_engine=BASIC)
    face.typeface = typeface
    return face


@lru_cache(maxsize=16384)
def _font_of(face: Face, text: str) -> ImageFont.FreeTypeFont:
    own = face.typeface.own
    file = face.typeface.file_of(text) or own
    font: ImageFont.FreeTypeFont = face if file == own else _face(file, face.size)
    if is_shaped(text) and features.check("raqm"):
        font = font.font_variant(layout_engine=ImageFont.Layout.RAQM)
    return font


@lru_cache(maxsize=16384)
def _file_of(typeface: Typeface, text: str) -> Typeface | None:
    files = (typeface.own, *typeface.others)
    return next((file for file in files if _has(file, text)), None) or _search(text)


@lru_cache(maxsize=1024)
def _search(text: str) -> Typeface | None:
    """Return the first installed font that has every letter of a text, or None."""
    return next((each.file for each in _spare() if _has(each.file, text)), None)


def _has(file: Typeface, text: str) -> bool:
    return all(_has_glyph(file, c) for c in dict.fromkeys(text) if _is_drawn(c))


@lru_cache(maxsize=1 << 16)
def _has_glyph(file: Typeface, character: str) -> bool:
    if unicodedata.category(character) == "Cc":  # some fonts have blank glyphs for these
        return False
    font = _probe(file)
    return font is not None and _mask(font, character) != _missing(file)


@cache
def _missing(file: Typeface) -> bytes:
    """Return the mask of a font's glyph for missing characters."""
    font = _probe(file)
    assert font is not None
    return _mask(font, NO_CHARACTER)


@cache
def _probe(file: Typeface) -> ImageFont.FreeTypeFont | None:
    try:
        return _face(file, 16)
    except OSError:  # bitmaps of other sizes, or not a font
        return None


def _mask(font: ImageFont.FreeTypeFont, text: str) -> bytes:
    try:
        mask, offset = font.getmask2(text, mode="L", anchor="ls")
    except (OSError, Image.DecompressionBombError):
        raise ValueError(
            f"expected a font whose letters fit in a picture, not that of {text!r}"
        ) from None
    return bytes(mask) + repr((mask.size, offset)).encode()


# --------------------------------------------------------------------------------- fonts installed


class Installed(NamedTuple):
    """An installed font."""

    file: Typeface
    family: str
    style: str

    @property
    def words(self) -> frozenset[str]:
        """Words of the style, in matplotlib's spelling; empty for a plain font."""
        return style_words(self.style)


def style_words(style: str) -> frozenset[str]:
    found = style.lower().replace("oblique", "italic").replace("style=", "").replace("-", " ")
    return frozenset(re.split(r"[\s,]+", found.strip())) - PLAIN - {""}


def _folders() -> Iterator[Path]:
    """Yield the folders of fonts: matplotlib's, found without importing it, and the system's."""
    try:
        spec = importlib.util.find_spec("matplotlib")
    except (ImportError, ValueError):
        spec = None
    for place in (spec.submodule_search_locations or []) if spec else []:
        yield Path(place) / "mpl-data" / "fonts" / "ttf"
    home = Path.home()
    if sys.platform == "win32":
        yield Path(os.environ.get("WINDIR", r"C:\Windows")) / "Fonts"
        yield Path(os.environ.get("LOCALAPPDATA", home)) / "Microsoft" / "Windows" / "Fonts"
    elif sys.platform == "darwin":
        yield from (Path("/System/Library/Fonts"), Path("/Library/Fonts"), home / "Library/Fonts")
    else:
        data = os.environ.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share"
        own = os.environ.get("XDG_DATA_HOME") or str(home / ".local" / "share")
        yield from (Path(place) / "fonts" for place in [own, *data.split(":")] if place)
        yield home / ".fonts"


@lru_cache(maxsize=1)
def installed() -> tuple[Installed, ...]:
    """Return all installed fonts that can be drawn at any size, in a fixed order."""
    found: list[Installed] = []
    for folder in _folders():
        paths = [Path(top) / name for top, _, names in os.walk(folder) for name in names]
        for path in sorted(paths):
            if path.suffix.lower() in ENDINGS:
                found += _fonts_in(str(path))
    return tuple(found)


def _fonts_in(path: str) -> Iterator[Installed]:
    collection = path.lower().endswith(("ttc", "otc"))
    for index in range(MOST_IN_COLLECTION if collection else 1):
        try:
            font = ImageFont.truetype(path, 16, index, layout_engine=BASIC)
        except OSError:
            return
        family, style = font.getname()
        name = family or Path(path).stem
        if not UNFIT.search(name) and not UNFIT.search(Path(path).stem):
            yield Installed(Typeface(path, index), name, style or "")


@lru_cache(maxsize=1)
def _spare() -> tuple[Installed, ...]:
    """Return the installed fonts, the preferred fallbacks first."""

    def rank(font: Installed) -> tuple[bool, bool, bool, bool]:
        name = font.family.lower()
        return (bool(font.words), name != "dejavu sans", "sans" not in name, "mono" in name)

    return tuple(sorted(installed(), key=rank))


def _check_plain(path: Path) -> None:
    """Raise a ValueError for a compressed font, as each size would unpack it, however large."""
    with path.open("rb") as file:
        begin = file.read(4)
    if begin.startswith(_COMPRESSED):
        raise ValueError(
            f"expected font to be a plain font file such as .ttf or .otf, not {str(path)!r}, which "
            "is compressed"
        )


def locate(font: str) -> Typeface:
    """Return the font with a path or a name.

    Parameters
    ----------
    font
        A font file, as `PIL.ImageFont.truetype` finds it; or the name of a family, "serif",
        "sans-serif" or "monospace", with a style after a space or a colon. Case does not matter.

    Raises
    ------
    ValueError
        If there is none; the message suggests similar names.
    """
    for name in (font, font + ".ttf", font.replace(" ", "") + ".ttf"):
        if not name.strip():
            continue
        if os.path.exists(name):  # noqa: PTH110 - Path.exists raises where a name is too long
            if not os.path.isfile(name):  # noqa: PTH113 - opening a pipe would wait for a writer
                continue
            _check_plain(Path(name))
        try:
            found = ImageFont.truetype(name, 10, layout_engine=BASIC)
        except (OSError, ValueError):
            continue
        path = found.path
        return Typeface(path if isinstance(path, str) else fspath(cast("PathLike[str]", path)))
    family, _, style = font.partition(":")
    name = family.strip()
    for each in GENERIC.get(name.lower(), (name,)):
        if file := _by_name(each, style):
            return file
    families = {each.family.lower(): each.family for each in installed()}
    if style and name.lower() in families:
        styles = sorted({e.style for e in installed() if e.family.lower() == name.lower()})
        raise ValueError(
            f"expected a style of {name!r}, which has {', '.join(styles)}, not font={short(font)}"
        )
    raise ValueError(
        "expected a font file or the name of an installed font, "
        f"not font={short(font)}{suggest(family, families.values())}"
    )


def _by_name(name: str, style: str) -> Typeface | None:
    """Return the font of a family and style, or None; `name` may contain both."""
    wanted, spelled = style_words(style), name.lower()
    family = [each for each in installed() if each.family.lower() == spelled]
    found = [each for each in family if each.words == wanted]
    if not found and not style:
        for each in installed():
            rest = spelled.removeprefix(each.family.lower())
            if rest != spelled and rest.startswith(" ") and each.words == style_words(rest):
                return each.file
        found = family  # without a plain style
    return found[0].file if found else None


@lru_cache(maxsize=1)
def _dejavu() -> Typeface | None:
    """Return DejaVu Sans, matplotlib's or the system's, or None."""
    for folder in _folders():
        path = folder / "DejaVuSans.ttf"
        if path.is_file():
            return Typeface(str(path))
    return _by_name("DejaVu Sans", "")


def find_typeface(
    font: str | PathLike[str] | None, text: str, likely: str = ""
) -> tuple[Typeface, str]:
    """Return the typeface to draw `text` with, and the characters for which no font has a glyph.

    Parameters
    ----------
    font
        See `locate`. None selects Pillow's own font, or DejaVu Sans if that lacks fewer of the
        characters. Those that the font lacks are drawn in other installed fonts: in a single one if
        it has them all.
    text
        The characters to draw.
    likely
        Further characters that may be drawn later.

    Raises
    ------
    TypeError
        If `font` is neither a path nor a name.
    ValueError
        If there is no such font, or it lacks more than `MOST_LACKED` letters.

    Warns
    -----
    UserWarning
        If no font has a glyph for some characters of `text`, naming them; or if letters join or run
        right to left, and Pillow cannot shape them.
    """
    if font is not None and not isinstance(font, str | PathLike):
        raise TypeError(f"expected font to be a font file or the name of a font, not {short(font)}")
    own = Typeface() if font is None else locate(fspath(font))
    every = unicodedata.normalize("NFC", text + likely)
    if lacked := _lacked(own, every):
        dejavu = _dejavu()
        if font is None and dejavu and len(_lacked(dejavu, every)) < len(lacked):
            own = dejavu
            lacked = _lacked(own, every)
    if len(lacked) > MOST_LACKED:  # each would be searched for in all installed fonts
        raise ValueError(
            f"expected a font that lacks at most {MOST_LACKED} of the letters to draw, not "
            f"{len(lacked)}: give font= a font file that has them"
        )
    other = _search(lacked) if lacked else None
    typeface = own._replace(others=(other,) if other else ())
    if is_shaped(text) and not features.check("raqm"):
        warn(
            "letters that join or run right to left are drawn one by one from the left, since this "
            "Pillow has no libraqm to shape them"
        )
    lacking = typeface.lacks(unicodedata.normalize("NFC", text))
    if lacking:
        warn(f"no font has a glyph for {short(lacking)}: give font= a font file that has")
    return typeface, lacking


def _lacked(file: Typeface, text: str) -> str:
    return "".join(c for c in dict.fromkeys(text) if not _has(file, c))
