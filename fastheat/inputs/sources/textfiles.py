"""Text files, .csv and .tsv, also gzipped: a matrix, or a long table with one line per cell.

A file is read in blocks of whole lines. numpy's parser reads blocks of plain numbers. A block that
it refuses, because of missing numbers, quotes or a mistake, is parsed again cell by cell, so that
errors can name the line and the column.
"""

from __future__ import annotations

import csv
import gzip
import io
import os
import re
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from functools import partial
from itertools import chain, islice
from math import nan, prod
from typing import Any, BinaryIO, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from fastheat.inputs.sources.arrays import FloatArray
from fastheat.inputs.sources.checkpoints import Checkpoints, open_checkpoint
from fastheat.inputs.sources.labelled import Axes, Axis, axis_of_texts
from fastheat.inputs.sources.packed import packed_size, size_of
from fastheat.inputs.sources.source import Loaded, Seen
from fastheat.inputs.sources.tensorfiles import Entry
from fastheat.messages import many, short

Ints: TypeAlias = "npt.NDArray[np.int64]"

_BLOCK = 1 << 20  # characters per block, plus the rest of its last line
_QUOTED = 1 << 20  # characters that may follow these until all quotes are closed
_FEWEST = 3  # lines needed to find the layout: a header, and rows below it
_MOST_CELLS = 1 << 21  # per line, since each cell is a Python object for a while
# Characters and cells that a gzipped file may hold in any case, or per compressed byte. Numbers
# without much repetition take a third of their length, and have fewer cells than bytes.
_UNPACKED, _UNPACKED_TIMES = 1 << 24, 16
_CELLS, _CELLS_TIMES = 1 << 22, 4
_DECOMPRESS = "decompress the file first if you trust it"
_GZIP = b"\x1f\x8b"
_MISSING = frozenset({"", "na", "nan", "null"})
_PLAIN_MISSING = frozenset({"", "NA", "NaN", "nan", "null"})
_UNNAMED = ([""], ["Unnamed: 0"])  # headers of an index, as pandas writes and reads them
_LONG = ("step", "row", "col", "value")
_MOST_NAMED = 100  # columns of a table that may still be a long one
_WHOLE = re.compile(r"[+-]?[0-9]{1,18}(\.0*)?")
_WHOLE_TEXT = re.compile("[+-]?[0-9]+")
_EXACT = 1 << 53  # float64 holds every whole number below this
# cells of a long table, lines or not, in any case or per line
_SPARSE, _SPARSE_TIMES = 1 << 23, 8


class Block(NamedTuple):
    """Consecutive lines of a file, and the number of the first one."""

    start: int
    lines: Sequence[str]


class Record(NamedTuple):
    """A row of cells, the number of its first line, and that of the line after it."""

    start: int
    stop: int
    cells: list[str]


def open_text(seen: Seen, tensor: str | None) -> Checkpoints | Loaded | npt.NDArray[Any]:
    """Open a text file; a long table is read at once, a matrix only when its frame is read."""
    with seen.open() as file:
        text = Text(file)
        if text.is_long:
            if tensor is not None:
                raise ValueError(f"it holds frames without names, not {short(tensor)}")
            return Loaded(seen.path, *LongTable(text).read())
    return open_checkpoint(seen, tensor)


def list_text(file: BinaryIO) -> dict[str, Entry]:
    """Return the matrix of a text file under the name ``""``."""
    text = Text(file)
    if text.is_long:
        raise ValueError(f"a long table with {', '.join(_LONG)}, expected a matrix in each file")
    shape = text.count_rows(), text.columns
    if not shape[0]:
        raise ValueError("a header without rows, expected numbers")
    if not shape[1]:
        raise ValueError("a column of labels alone, expected numbers")
    size = size_of(file)
    if prod(shape) > max(_CELLS, _CELLS_TIMES * size):  # possible only with compression
        raise ValueError(f"{size} bytes become {prod(shape)} cells, expected fewer: {_DECOMPRESS}")
    return {"": Entry(shape, "float64", partial(_read_matrix, shape), axes=text.axes(shape[0]))}


def _read_matrix(shape: tuple[int, int], file: BinaryIO) -> FloatArray:
    matrix = np.empty(shape)
    text, row = Text(file), 0
    for block in text.blocks():
        values = text.floats(block)
        matrix[row : row + len(values)] = values
        row += len(values)
    if row != len(matrix):
        raise ValueError(f"it has {many(row, 'row')}, expected {len(matrix)}")
    return matrix


# -------------------------------------------------------------------------------------------- lines


class _Unpacked(gzip.GzipFile):
    """A gzip file whose lines a text wrapper reads, with a limit on its decompressed length.

    Reading raises ValueError for more content than numbers of that compressed size can have.
    """

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(fileobj=file)
        self._packed = size_of(file)
        self._most = self._left = _most_unpacked(self._packed)

    def read1(self, size: int = -1) -> bytes:
        data = super().read1(size)
        self._left -= len(data)
        if self._left < 0:
            raise ValueError(
                f"{self._packed} bytes become over {self._most}, expected fewer: {_DECOMPRESS}"
            )
        return data


def _most_unpacked(size: int) -> int:
    return max(_UNPACKED, _UNPACKED_TIMES * size)


def _blocks(file: BinaryIO) -> Generator[Block, None, None]:
    """Yield the lines of a file in blocks, without blank blocks; none ends inside a quoted cell."""
    file.seek(0)
    packed = file.read(len(_GZIP)) == _GZIP
    file.seek(0)
    raw: Any = _Unpacked(file) if packed else file
    size = packed_size(file)
    if size is not None and file.seek(0, os.SEEK_END) > (most := _most_unpacked(size)):
        raise ValueError(f"{size} bytes become over {most}, expected fewer: {_DECOMPRESS}")
    file.seek(0)
    text = io.TextIOWrapper(raw, "utf-8-sig", "surrogateescape")
    try:
        number = 1
        while lines := text.readlines(_BLOCK):
            together = "".join(lines)
            quotes, room = together.count('"'), _QUOTED
            while quotes % 2 and room > 0 and (line := text.readline()):
                lines.append(line)
                quotes, room = quotes + line.count('"'), room - len(line)
            _check_lines(number, lines)
            if not _is_blank(together):
                yield Block(number, lines)
            number += len(lines)
    finally:
        text.detach()  # a wrapper that is deleted would close the file


def _check_lines(number: int, lines: Sequence[str]) -> None:
    """Raise ValueError for bytes that are not text, or a line with too many cells for memory."""
    together = "".join(lines)
    if "\0" not in together and together.isascii() and max(map(len, lines)) < _MOST_CELLS:
        return
    for place, line in enumerate(lines, number):
        try:
            line.encode()
        except UnicodeEncodeError:
            raise ValueError(f"line {place} is not UTF-8, expected text") from None
        if "\0" in line:
            raise ValueError(f"line {place} has a NUL byte, expected text")
        if len(line) > _MOST_CELLS and sum(map(line.count, "\t;,")) >= _MOST_CELLS:
            raise ValueError(f"line {place} has over {_MOST_CELLS} cells, expected fewer")


def _is_blank(text: str) -> bool:
    return not text.strip(" \n")  # tabs may stand between missing numbers


def _delimiter_of(lines: Iterable[str]) -> str:
    """Return the first of tab, semicolon and comma that both of the first two lines contain."""
    bare = re.sub('"[^"]*"?', "", "".join(lines)).split("\n")  # quoted cells may have any of them
    first = list(islice((line for line in bare if not _is_blank(line)), 2))
    return next((mark for mark in "\t;" if all(mark in line for line in first)), ",")


# ------------------------------------------------------------------------------------------- a file


class Text:
    """The rows of an open text file, whose layout is found from its first lines.

    Attributes
    ----------
    delimiter
        Character between cells.
    header
        Names of all columns; empty if there is no header.
    labelled
        Whether the first column holds labels.
    width
        Cells per row, including the label.
    is_long
        Whether it is a long table.
    places
        Columns of step, row, column and value in a long table.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._mark = ""  # the decimal point or comma, once a number has one
        start = 0
        lines: list[str] = []
        with closing(_blocks(file)) as blocks:
            for block in blocks:
                start = start or block.start
                lines += block.lines
                if sum(not _is_blank(line) for line in lines) >= _FEWEST:
                    break
        if not lines:
            raise ValueError("it has blank lines alone, expected numbers")
        first = Block(start, lines)
        self.delimiter = _delimiter_of(first.lines)
        rows = self.records(first)
        head = next(rows)
        self.width = len(head.cells)
        self.header: list[str] = []
        self._begin = first.start  # number of the line at which the rows begin
        if self._is_header(head, self.records(first)):
            self.header = [cell.strip() for cell in head.cells]
            self._begin = head.stop
        else:
            rows = chain([head], rows)
        few = self.header if self.width <= _MOST_NAMED else []
        names = [{"column": "col"}.get(name.lower(), name.lower()) for name in few]
        self.is_long = set(_LONG) <= set(names)
        unnamed = self.header[:1] in _UNNAMED
        if self.is_long and len(names) != len(_LONG) + unnamed:
            raise ValueError(
                f"line {head.start} names {', '.join(map(short, self.header[:8]))}, expected "
                f"{', '.join(_LONG)} alone"
            )
        self.places = [names.index(name) for name in _LONG] if self.is_long else []
        self.labelled = unnamed or (not self.is_long and self._begins_with_text(rows))

    @property
    def columns(self) -> int:
        """Number of columns without the labels."""
        return self.width - self.labelled

    def _is_text(self, cell: str) -> bool:
        if not cell:  # quickly, since a small file can unpack to millions of these
            return False
        marks = ".," if self.delimiter == ";" else "."
        return all(_float_of(cell, mark) is None for mark in marks)

    def _begins_with_text(self, rows: Iterable[Record]) -> bool:
        """Return whether the first cell that is not missing in the first column is text."""
        first = (row.cells[0] for row in rows)
        cell = next((cell for cell in first if cell.strip().lower() not in _MISSING), "")
        return self._is_text(cell)

    def _is_header(self, head: Record, rows: Iterator[Record]) -> bool:
        """Return whether a first row is a header: names, or numbers that can be nothing else.

        A row in which only the first cell is text may also be a row of numbers with a label.
        """
        cells = [cell.strip() for cell in head.cells]
        texts = [self._is_text(cell) for cell in cells]
        numbers = [
            cell
            for cell, is_text in zip(cells, texts, strict=True)
            if not is_text and cell.lower() not in _MISSING
        ]
        if not any(texts):
            return self._counts_columns(head, rows)
        if not numbers:
            return True
        if any(texts[1:]):
            place = texts.index(True, 1)
            raise ValueError(
                f"{at(head, place)}: expected a number, or no numbers in a header, not "
                f"{short(head.cells[place])}"
            )
        next(rows)
        below = next(rows, Record(0, 0, ["", "0"])).cells[1:]
        if not all(map(_WHOLE_TEXT.fullmatch, numbers)):
            return False
        if _counts(cells[1:]) or not all(_WHOLE_TEXT.fullmatch(cell.strip()) for cell in below):
            return True
        raise ValueError(
            f"line {head.start} may be a header or a row of numbers: write names other than "
            "numbers for a header, or numbers such as 1.0"
        )

    def _counts_columns(self, head: Record, rows: Iterator[Record]) -> bool:
        """Return whether a first row of numbers is a header nevertheless.

        pandas numbers columns without names from 0, after an empty cell if it also writes an index.
        A row of numbers alone is a header only if it counts from 0 above a row of decimals. A row
        that begins with an empty cell may begin with a missing number instead; it is a header only
        if its other cells, or those of the first column below, count from 0, or if the latter are
        text.
        """
        corner, *names = [cell.strip() for cell in head.cells]
        next(rows)
        if corner:
            below = next(rows, Record(0, 0, ["0"])).cells
            decimals = not any(_WHOLE_TEXT.fullmatch(cell.strip()) for cell in below)
            return len(names) > 1 and decimals and _counts([corner, *names])
        if len(set(names) - {""}) < max(len(names), 1):
            return False
        labels = [row.cells[0].strip() for row in rows]
        if _counts(names) or (labels and _counts(labels)):
            return True
        if self._begins_with_text(Record(0, 0, [label]) for label in labels):
            return True
        if all(map(_WHOLE_TEXT.fullmatch, (*names, *labels))):
            raise ValueError(
                f"line {head.start} begins with an empty cell, which may be a missing number or "
                "the corner of a header: write nan for a number, or a name for a header"
            )
        return False

    def blocks(self) -> Generator[Block, None, None]:
        """Yield the lines of all rows, without the header."""
        for start, lines in _blocks(self._file):
            rows = lines[max(self._begin - start, 0) :]
            if not all(map(_is_blank, rows[:1])) or not _is_blank("".join(rows)):
                yield Block(max(start, self._begin), rows)

    def count_rows(self) -> int:
        """Return the number of rows."""
        count = 0
        for block in self.blocks():
            if any('"' in line for line in block.lines):
                count += sum(1 for _ in self.records(block))
            else:
                count += sum(not _is_blank(line) for line in block.lines)
        return count

    def axes(self, count: int) -> Axes | None:
        """Return the labels of `count` rows and of the columns, None if there are neither."""
        if not (self.header or self.labelled):
            return None
        rows, name = Axis(), ""
        if self.labelled:
            name = self.header[0] if self.header and self.header[:1] not in _UNNAMED else ""
            with closing(self.blocks()) as blocks:
                records = chain.from_iterable(map(self.records, blocks))
                labels = [record.cells[0].strip() for record in islice(records, count)]
            rows = axis_of_texts(labels, name)
        return Axes(rows, axis_of_texts(self.header[self.labelled :]) if self.header else Axis())

    def records(self, block: Block) -> Iterator[Record]:
        """Yield the rows of a block."""
        reader = csv.reader(block.lines, delimiter=self.delimiter, strict=True)
        start = block.start
        try:
            for cells in reader:
                stop = block.start + reader.line_num
                if cells and not (len(cells) == 1 and cells[0] and _is_blank(cells[0])):
                    yield Record(start, stop, cells)
                start = stop
        except csv.Error as error:
            raise ValueError(f"line {start} cannot be split into cells: {error}") from None

    def rows(self, block: Block) -> Iterator[Record]:
        """Yield the rows of a block; raise ValueError if one does not have `width` cells."""
        for row in self.records(block):
            if len(row.cells) != self.width:
                found = many(len(row.cells), "value")
                raise ValueError(f"line {row.start} has {found}, expected {self.width}")
            yield row

    def floats(self, block: Block) -> FloatArray:
        """Return the numbers in a block, without labels."""
        values = self.plain_floats(block)
        if values is not None:
            return values
        return np.stack([self._floats_of(row) for row in self.rows(block)])

    def plain_floats(self, block: Block) -> FloatArray | None:
        """Return the numbers in a block, without labels, or None if numpy's parser refuses it."""
        lines = block.lines
        if any('"' in line for line in lines):
            return None
        if self.labelled:
            lines = [line.partition(self.delimiter)[2] for line in lines]
            if "" in lines or "\n" in lines:  # numpy's parser would skip these rows
                return None
        mark = self._mark
        if self.delimiter == ";":
            together = "".join(lines)
            mark = "," if "," in together else "." if "." in together else mark
            if mark != self._mark != "" or (mark == "," and "." in together):
                return None
            lines = together.replace(",", ".").split("\n")
        try:
            values = np.loadtxt(lines, delimiter=self.delimiter, comments=None, ndmin=2)
        except ValueError:
            return None
        if values.shape[1] != self.columns:
            return None
        self._mark = mark
        return values

    def _floats_of(self, row: Record) -> FloatArray:
        if (plain := self.plain_numbers(row.cells[self.labelled :])) is not None:
            return plain
        places = range(self.labelled, self.width)
        return np.fromiter((self.float_at(row, k) for k in places), np.float64, self.columns)

    def plain_numbers(self, cells: Sequence[str]) -> FloatArray | None:
        """Return the numbers in cells, or None if a cell needs a closer look."""
        together = "".join(cells)
        if self.delimiter == ";" or "_" in together or not together.isascii():
            return None
        numbers = (nan if cell in _PLAIN_MISSING else float(cell) for cell in cells)
        try:
            return np.fromiter(numbers, np.float64, len(cells))
        except ValueError:
            return None

    def float_at(self, row: Record, place: int) -> float:
        """Return the number in a cell of a row."""
        cell = row.cells[place]
        mark = "," if self.delimiter == ";" and "," in cell else "." if "." in cell else self._mark
        value = _float_of(cell, mark)
        if value is None:
            raise ValueError(f"{at(row, place)}: expected a number, not {short(cell)}")
        if mark != self._mark != "":
            raise ValueError(
                f"{at(row, place)}: expected {self._mark!r} in numbers as before, not {short(cell)}"
            )
        self._mark = mark
        return value


def _counts(cells: list[str]) -> bool:
    return cells == list(map(str, range(len(cells))))


def _float_of(cell: str, mark: str) -> float | None:
    """Return the number in a cell, or None if it holds none that numpy's parser would accept."""
    text = cell.strip()
    if text.lower() in _MISSING:
        return nan
    if not text.isascii() or "_" in text or (mark == "," and "." in text):
        return None
    try:
        return float(text.replace(",", ".") if mark == "," else text)
    except ValueError:
        return None


def at(row: Record, place: int) -> str:
    """Return the position of a cell as text for an error message."""
    return f"line {row.start}, column {place + 1}"


# ------------------------------------------------------------------------------------ long tables


class LongTable:
    """A table with one line per cell: its step, row, column and value.

    Rows are whole numbers from 0, or labels numbered in the order in which they first appear; so
    are columns. The first line decides.
    """

    def __init__(self, text: Text) -> None:
        self._text = text
        first = next(text.blocks(), None)
        if first is None:
            raise ValueError("a header without rows, expected numbers")
        row = next(text.rows(first))
        numbers = [_whole_of(row.cells[place]) for place in text.places[1:3]]
        self._labels: list[dict[str, int] | None] = [
            {} if number is None or number < 0 else None for number in numbers
        ]

    def read(self) -> tuple[FloatArray, tuple[int, ...]]:
        """Return the frames (T, N, M) and their steps, in two passes; the first finds the shape."""
        known: set[int] = set()
        high = np.zeros(2, np.int64)
        lines = 0
        for block in self._text.blocks():
            where, _ = self._cells(block)
            known.update(np.unique(where[:, 0]).tolist())
            high = np.maximum(high, where[:, 1:].max(axis=0))
            lines += len(where)
        rows, columns = (int(side) + 1 for side in high)
        size = len(known) * rows * columns
        if size > max(_SPARSE, _SPARSE_TIMES * lines):
            raise ValueError(
                f"{many(lines, 'value')} for {many(len(known), 'step')} of {rows} x {columns} "
                "cells, expected more: rows and columns are whole numbers from 0, or text"
            )
        steps = np.array(sorted(known), np.int64)
        shape = len(steps), rows, columns
        frames, seen = np.full(size, nan), np.zeros(size, bool)
        for block in self._text.blocks():
            places, values = self._flat_cells(block, steps, shape)
            frames[places] = values
            seen[places] = True
        if np.count_nonzero(seen) < lines:
            raise self._repeated(steps, shape)
        return frames.reshape(shape), tuple(steps.tolist())

    def _flat_cells(
        self, block: Block, steps: Ints, shape: tuple[int, ...]
    ) -> tuple[Ints, FloatArray]:
        where, values = self._cells(block)
        number = np.searchsorted(steps, where[:, 0])
        return np.ravel_multi_index((number, where[:, 1], where[:, 2]), shape), values

    def _cells(self, block: Block) -> tuple[Ints, FloatArray]:
        """Return the places of cells as (step, row, column), shape (k, 3), and their values."""
        plain = self._plain_cells(block)
        if plain is not None:
            where = plain[:, :3]
            whole = (np.floor(where) == where) & (np.abs(where) < _EXACT)
            if whole.all() and (where[:, 1:] >= 0).all():
                return where.astype(np.int64), plain[:, 3]
        found = [self._cell(row) for row in self._text.rows(block)]
        places = np.array([place for place, _ in found], np.int64)
        return places, np.array([value for _, value in found])

    def _plain_cells(self, block: Block) -> FloatArray | None:
        """Return (step, row, column, value), shape (k, 4), or None if a cell may be a mistake."""
        text = self._text
        if self._labels == [None, None] and (plain := text.plain_floats(block)) is not None:
            return plain[:, np.array(text.places) - text.labelled]
        reader = csv.reader(block.lines, delimiter=text.delimiter, strict=True)
        try:
            columns = list(zip(*filter(None, reader), strict=True))
        except (ValueError, csv.Error):
            return None
        if len(columns) != text.width:
            return None
        found = np.empty((len(columns[0]), len(_LONG)))
        for k, labels in enumerate((None, *self._labels, None)):
            cells = columns[text.places[k]]
            if labels is None:
                if (numbers := text.plain_numbers(cells)) is None:
                    return None
                found[:, k] = numbers
            else:
                names = list(map(str.strip, cells))
                if "" in names:
                    return None
                found[:, k] = [labels.setdefault(name, len(labels)) for name in names]
        return found

    def _cell(self, row: Record) -> tuple[tuple[int, ...], float]:
        step, *sides, value = self._text.places
        if (number := _whole_of(row.cells[step])) is None:
            raise self._unlike(row, step, "a whole number")
        place = [number]
        for side, labels in zip(sides, self._labels, strict=True):
            label = row.cells[side].strip()
            if labels is not None:
                if not label:
                    raise self._unlike(row, side, "a label")
                place.append(labels.setdefault(label, len(labels)))
            elif (number := _whole_of(label)) is None or number < 0:
                raise self._unlike(row, side, "a whole number from 0")
            else:
                place.append(number)
        return tuple(place), self._text.float_at(row, value)

    def _unlike(self, row: Record, place: int, expected: str) -> ValueError:
        name = self._text.header[place].lower()
        cell = short(row.cells[place])
        return ValueError(f"{at(row, place)}: expected {expected} as {name}, not {cell}")

    def _repeated(self, steps: Ints, shape: tuple[int, ...]) -> ValueError:
        """Return the error for a cell that has two lines, which names both."""
        lines = np.zeros(prod(shape), np.int64)  # of each cell
        for block in self._text.blocks():
            places, _ = self._flat_cells(block, steps, shape)
            for row, place in zip(self._text.rows(block), places.tolist(), strict=True):
                if lines[place]:
                    return ValueError(
                        f"line {row.start} gives the same cell as line {lines[place]}, expected "
                        "one line per cell"
                    )
                lines[place] = row.start
        raise ValueError("the file changed after it was opened")


def _whole_of(cell: str) -> int | None:
    """Return the whole number in a cell, or None."""
    text = cell.strip()
    if _WHOLE.fullmatch(text):
        return int(text.partition(".")[0])
    value = _float_of(text, "")
    return int(value) if value is not None and abs(value) < _EXACT and value == int(value) else None
