"""Text files, .csv and .tsv: matrices, series of them and long tables, sound and hostile."""

from __future__ import annotations

import csv
import gzip
import io
import pickle
import tracemalloc
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from fastheat import load_frames, save_gif
from fastheat.cli.main import main
from fastheat.inputs.frames.opening import open_frames
from fastheat.inputs.sources import textfiles

pandas: Any = None
with suppress(ImportError):
    pandas = import_module("pandas")

Matrix = npt.NDArray[np.float64]

WEIGHTS: Matrix = np.random.default_rng(3).normal(size=(4, 3, 5))
PLAIN: dict[str, Any] = {"figsize": (3, 2), "dpi": 40, "valfmt": None}
any_path = settings(
    deadline=None,
    max_examples=100,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.fixture(params=[1 << 20, 40], ids=["one block", "many blocks"])
def blocks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read files in blocks of a few lines too, which only large files have."""
    monkeypatch.setattr(textfiles, "_BLOCK", request.param)


def put(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def lines_of(matrix: Matrix, mark: str = ",") -> str:
    return "".join(mark.join(map(repr, row)) + "\n" for row in matrix.tolist())


def read(path: Path) -> Matrix:
    """Return the one matrix of a file."""
    frames = load_frames(path)
    assert frames.dtype == np.float64
    assert len(frames) == 1
    (frame,) = frames
    return np.asarray(frame)


def matrix_in(text: str, tmp_path: Path, name: str = "m.csv") -> list[list[float | None]]:
    """Return the matrix in a text, with None for NaN, which is equal to itself."""
    found = read(put(tmp_path / name, text)).tolist()
    return [[None if cell != cell else cell for cell in row] for row in found]


def complaint(path: Path, text: str | bytes, **options: Any) -> str:
    """Return the error of reading all frames, without the name of the file."""
    put(path, text)
    with pytest.raises(ValueError) as caught:
        np.asarray(load_frames(path, **options))
    message = str(caught.value)
    assert message.startswith(f"cannot read {path}: ")
    assert message.isprintable()
    assert len(message) < len(str(path)) + 300
    return message.removeprefix(f"cannot read {path}: ")


# ----------------------------------------------------------------------------------------- matrices


def oracle(path: Path, index: bool, header: bool, mark: str, decimal: str) -> Matrix:
    """Read a matrix with pandas, or with the csv module where there is none."""
    if pandas is not None:
        options: dict[str, Any] = {"index_col": 0 if index else None, "sep": mark}
        options |= {"header": 0 if header else None, "decimal": decimal}
        frame = pandas.read_csv(path, **options)
        return np.asarray(frame.to_numpy(np.float64))
    unpack = gzip.open if path.suffix == ".gz" else open
    with unpack(path, "rt", encoding="utf-8-sig", newline="") as file:
        rows = [row[index:] for row in csv.reader(file, delimiter=mark)][header:]
    missing = {"", "NA", "nan", "NaN", "null"}
    return np.array(
        [[np.nan if c in missing else float(c.replace(decimal, ".")) for c in row] for row in rows]
    )


def to_csv(
    matrix: Matrix,
    index: list[str] | None,
    columns: list[str] | None,
    corner: str = "",
    mark: str = ",",
    missing: str = "",
    quoting: Any = csv.QUOTE_MINIMAL,
    end: str = "\n",
    decimal: str = ".",
) -> str:
    """Write a matrix as `pandas.DataFrame.to_csv` does."""
    file = io.StringIO()
    writer = csv.writer(file, delimiter=mark, quoting=quoting, lineterminator=end)
    if columns is not None:
        writer.writerow([*([corner] if index is not None else []), *columns])
    for number, row in enumerate(matrix.tolist()):
        cells = [missing if cell != cell else repr(cell).replace(".", decimal) for cell in row]
        writer.writerow([*([index[number]] if index is not None else []), *cells])
    return file.getvalue()


LAYOUTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "range index": {"index": [str(k) for k in range(3)], "columns": [str(k) for k in range(5)]},
    "text index": {"index": ["the", "1", "a, b"], "columns": [str(k) for k in range(5)]},
    "named index": {"index": ["x", "y", "z"], "columns": ["10", "20", "30", "40", "50"]},
    "steps": {"index": [str(k) for k in range(3)], "columns": ["10", "20", "30", "40", "50"]},
    "header": {"columns": ["a", "b", "c c", 'd "e"', "f;g"]},
    "dates": {"index": ["2020-01-01", "2020-01-02", "2020-01-03"], "columns": list("abcde")},
    "unnamed": {"index": ["0", "1", "2"], "columns": list("12345"), "corner": "Unnamed: 0"},
    "labels": {"index": ["r_0", "\u00e9", "\u0663"], "columns": list("abcde")},
}
LAYOUTS["named index"]["corner"] = "token"
WRITTEN: dict[str, dict[str, Any]] = {
    "commas": {},
    "tabs": {"mark": "\t"},
    "semicolons": {"mark": ";"},
    "decimal commas": {"mark": ";", "decimal": ","},
    "quoted": {"quoting": csv.QUOTE_ALL},
    "CRLF": {"end": "\r\n"},
    "CR": {"end": "\r"},
    "NA": {"missing": "NA"},
    "null": {"missing": "null"},
}


@pytest.mark.parametrize("suffix", [".csv", ".TSV.gz"])
@pytest.mark.parametrize("written", WRITTEN)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.usefixtures("blocks")
def test_matrices_are_those_that_pandas_reads(
    layout: str, written: str, suffix: str, tmp_path: Path
) -> None:
    matrix = WEIGHTS[0].copy()
    matrix[1, 1:3] = matrix[2, 4] = np.nan
    arguments = {"index": None, "columns": None, **LAYOUTS[layout], **WRITTEN[written]}
    text = "\ufeff" * (suffix == ".csv") + to_csv(matrix, **arguments)
    data = gzip.compress(text.encode()) if suffix.endswith(".gz") else text.encode()
    path = put(tmp_path / f"matrix{suffix}", data)
    found = read(path)
    np.testing.assert_array_equal(found, matrix)
    index, header = arguments["index"] is not None, arguments["columns"] is not None
    mark, decimal = arguments.get("mark", ","), arguments.get("decimal", ".")
    np.testing.assert_allclose(found, oracle(path, index, header, mark, decimal), rtol=1e-14)


@pytest.mark.skipif(pandas is None, reason="needs pandas")
@pytest.mark.parametrize("index", [True, False])
@pytest.mark.parametrize("name", ["m.csv", "m.csv.gz"])
def test_what_pandas_writes_is_read(index: bool, name: str, tmp_path: Path) -> None:
    for frame in (
        pandas.DataFrame(WEIGHTS[0]),
        pandas.DataFrame(WEIGHTS[0], columns=list("abcde")),
        pandas.DataFrame(WEIGHTS[0], index=["x", "y", "z"], columns=list("abcde")),
        pandas.DataFrame(WEIGHTS[0]).rename(columns="layer {}".format),
        pandas.DataFrame(np.arange(12).reshape(3, 4)).rename(columns="layer {}".format),
        pandas.DataFrame({"a": WEIGHTS[0, :, 0]}).where(WEIGHTS[0, :, :1] > 0),
    ):
        frame.to_csv(tmp_path / name, index=index)
        np.testing.assert_array_equal(read(tmp_path / name), frame.to_numpy())


numbers = st.floats(width=64)
matrices = arrays(np.float64, array_shapes(min_dims=2, max_dims=2, max_side=6), elements=numbers)


@given(matrix=matrices, mark=st.sampled_from(",;\t"), block=st.sampled_from([1 << 20, 1, 30]))
@any_path
def test_savetxt_and_back(matrix: Matrix, mark: str, block: int, tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(textfiles, "_BLOCK", block)
        np.savetxt(tmp_path / "m.csv", matrix, "%.17g", mark)
        np.testing.assert_array_equal(read(tmp_path / "m.csv"), matrix)
        header = mark.join("abcdef"[: matrix.shape[1]])
        np.savetxt(tmp_path / "m.tsv.gz", matrix, "%.17g", mark, header=header)
        np.testing.assert_array_equal(read(tmp_path / "m.tsv.gz"), matrix)


names = st.lists(
    st.text(st.characters(codec="utf-8", exclude_characters="\0")), min_size=6, max_size=6
)


@given(matrix=matrices, index=names, columns=names, block=st.sampled_from([1 << 20, 1, 30]))
@example(matrix=np.zeros((1, 4)), index=["\n"] * 6, columns=["\r", "\n"] * 3, block=1)
@any_path
def test_to_csv_and_back(
    matrix: Matrix, index: list[str], columns: list[str], block: int, tmp_path: Path
) -> None:
    high, wide = matrix.shape
    index[0] = f"row {index[0]}"  # of numbers alone it would be a column of them
    columns = [f"column {name}" for name in columns]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(textfiles, "_BLOCK", block)
        for labels in (None, index[:high]):
            text = to_csv(matrix, labels, columns[:wide], quoting=csv.QUOTE_ALL)
            np.testing.assert_array_equal(read(put(tmp_path / "m.csv", text)), matrix)


@given(matrix=matrices)
@any_path
def test_numpys_parser_and_the_other_agree(matrix: Matrix, tmp_path: Path) -> None:
    text = put(tmp_path / "m.csv", lines_of(matrix))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(textfiles.Text, "plain_floats", lambda *_: None)
        slow = read(text)
    np.testing.assert_array_equal(read(text), slow)


READ: dict[str, list[list[float | None]]] = {
    "1\n": [[1]],
    "1,2": [[1, 2]],
    "1,2\n\n \n3,4\n\n": [[1, 2], [3, 4]],
    " 1 , 2.5e1 \n-inf,+3\n": [[1, 25], [-np.inf, 3]],
    "1e999,-1e999\n": [[np.inf, -np.inf]],
    "nan,NaN,NAN,na,NA,null,NULL,, \n1,2,3,4,5,6,7,8,9\n": [[None] * 9, [*range(1, 10)]],
    ",,\n1,,\n": [[None] * 3, [1, None, None]],
    ",0.5\n0.5,\n": [[None, 0.5], [0.5, None]],
    ",0,1\n0,5,6\n": [[5, 6]],
    ",7,9\nx,5,6\n": [[5, 6]],
    "0,1,2\n3,4,5\n": [[0, 1, 2], [3, 4, 5]],
    "0,1,2\n0.5,1,2.5\n": [[0, 1, 2], [0.5, 1, 2.5]],
    "0,1,2\n0.5,1.0,\n": [[0.5, 1, None]],
    "0,1\n0.5,1.5\n": [[0, 1], [0.5, 1.5]],
    "0\n": [[0]],
    "0,1,2\n": [[0, 1, 2]],
    ",0.1,0.2\n0,5,6\n1,7,8\n": [[5, 6], [7, 8]],
    '"",a\n"1",2\n': [[2]],
    "x,y\n1,2\n": [[1, 2]],
    "token,0\nthe,1\n2,3\n": [[1], [3]],
    "a,b\n,1\nx,2\n": [[1], [2]],
    '"x"\n1\n""\n': [[1], [None]],
    "l,x\na,1\nb,\nc,3\n": [[1], [None], [3]],
    '"a\nb",1.5\n"c ""d""",2\n': [[1.5], [2]],
    "x,1.5,2\ny,3,4\n": [[1.5, 2], [3, 4]],
    "city,2019,2020\nParis,1.5,2\n": [[1.5, 2]],
    "x,0,1\ny,2,3\n": [[2, 3]],
    '"a\nb"\tc\n1\t2\n': [[1, 2]],
    "1;2\n": [[1, 2]],
    "1,5;2\n0,5;-1,5e3\n": [[1.5, 2], [0.5, -1500]],
    "a b;c\n1.5;2\n": [[1.5, 2]],
    "\u00fcber,x\n\u00e4,1\n": [[1]],
    "step,row,value\n1,2,3\n": [[1, 2, 3]],
}


@pytest.mark.parametrize("text", READ)
@pytest.mark.usefixtures("blocks")
def test_texts_are_read(text: str, tmp_path: Path) -> None:
    expected: Any = READ[text]
    assert matrix_in(text, tmp_path) == expected
    packed = read(put(tmp_path / "m.csv.gz", gzip.compress(text.encode())))
    np.testing.assert_array_equal(packed, np.array(expected, np.float64))
    unpacked = put(tmp_path / "not.csv.gz", text)  # whatever its name says
    np.testing.assert_array_equal(read(unpacked), packed)


@pytest.mark.usefixtures("blocks")
def test_blank_lines_below_a_header_are_skipped(tmp_path: Path) -> None:
    for gap in ("\n" * 20, "\n" * 200):
        assert matrix_in(f"l,a{gap}x,1{gap}2,3\n", tmp_path) == [[1], [3]]
        message = complaint(tmp_path / "m.csv", f"l,a{gap}x,1{gap}2,?\n")
        assert message.startswith(f"line {1 + 2 * len(gap)}, column 2: expected a number")


@pytest.mark.usefixtures("blocks")
def test_labels_of_several_lines_are_counted(tmp_path: Path) -> None:
    text = "".join(f'"r{k}\n{"x" * k}\n",{k},0.5\n' for k in range(60))
    found = read(put(tmp_path / "m.csv", "l,a,b\n" + text))
    np.testing.assert_array_equal(found, [[k, 0.5] for k in range(60)])
    message = complaint(tmp_path / "m.csv", f"l,a,b\n{text}\nx,?,1\n")
    assert message == "line 183, column 2: expected a number, not '?'"


def test_tabs_between_missing_numbers_are_no_blank_line(tmp_path: Path) -> None:
    assert matrix_in("1\t2\n\t\n3\t\n", tmp_path, "m.tsv") == [[1, 2], [None, None], [3, None]]


# ------------------------------------------------------------------------------------------- errors

CELL = "expected a number, not"
REFUSED: dict[str, tuple[str | bytes, str]] = {
    "text in a first row of numbers": (
        "1.0,2.0,oops\n3,4,5\n",
        "line 1, column 3: expected a number, or no numbers in a header, not 'oops'",
    ),
    "a number with a comma in the first row": (
        '1,"1,000"\n3,4\n',
        "line 1, column 2: expected a number, or no numbers in a header, not '1,000'",
    ),
    "a first row that may be either": (
        "x,7,9\ny,1,2\n",
        "line 1 may be a header or a row of numbers: write names other than numbers for a header, "
        "or numbers such as 1.0",
    ),
    "text": ("1,2\n3,4\n5,abc\n", f"line 3, column 2: {CELL} 'abc'"),
    "text below a header": ("a,b\n1,2\n\n3,x y\n", f"line 4, column 2: {CELL} 'x y'"),
    "text beside labels": ("l,a,b\nr,1,2\ns,,y\n", f"line 3, column 3: {CELL} 'y'"),
    "late label": ("a,b\n1,2\nr,2\n", f"line 3, column 1: {CELL} 'r'"),
    "behind lines in quotes": ('"a\nb",c\n1,"2"\n3,z\n', f"line 4, column 2: {CELL} 'z'"),
    "underscore": ("1,2\n1_0,2\n", f"line 2, column 1: {CELL} '1_0'"),
    "other digits": ("1,2\n\u0663,2\n", f"line 2, column 1: {CELL} '\u0663'"),
    "hexadecimal": ("1,2\n0x1,2\n", f"line 2, column 1: {CELL} '0x1'"),
    "boolean": ("a,b\n1,True\n", f"line 2, column 2: {CELL} 'True'"),
    "complex": ("1,2\n1,2j\n", f"line 2, column 2: {CELL} '2j'"),
    "escapes": ("1,2\n1,\x1b[31m\n", f"line 2, column 2: {CELL} '\\x1b[31m'"),
    "long cell": ("1\n" + "x" * 9000, f"line 2, column 1: {CELL} 'xxx"),
    "decimal comma": ('1,2\n"1,5",2\n', f"line 2, column 1: {CELL} '1,5'"),
    "thousands": ("1;2\n1.234,5;2\n", f"line 2, column 1: {CELL} '1.234,5'"),
    "comma after points": ("1.5;2\n2;2,5\n", "line 2, column 2: expected '.' in numbers as before"),
    "point after commas": ("1;2,5\n1.5;2\n", "line 2, column 1: expected ',' in numbers as before"),
    "late point": ("1;2,5\n" * 42 + "1.5;2\n" * 9, "line 43, column 1: expected ',' in numbers as"),
    "late comma": ("1;2.5\n" * 42 + "1,5;2\n" * 9, "line 43, column 1: expected '.' in numbers as"),
    "long row": ("1,2\n3,4,5\n", "line 2 has 3 values, expected 2"),
    "short row": ("a,b\n1,2\n\n1\n", "line 4 has 1 value, expected 2"),
    "short row with a label": ("l,a\nr,1\ns\n", "line 3 has 1 value, expected 2"),
    "all rows longer": ("a,b\n1,2,3\n4,5,6\n", "line 2 has 3 values, expected 2"),
    "corner": (",5,7\n8,1,2\n", "line 1 begins with an empty cell, which may be a missing number"),
    "blank": ("\n  \n\n", "it has blank lines alone, expected numbers"),
    "byte order mark": (b"\xef\xbb\xbf", "it has blank lines alone, expected numbers"),
    "header alone": ("a,b\n", "a header without rows, expected numbers"),
    "labels alone": ("a\nb\n", "a column of labels alone, expected numbers"),
    "NUL": ("1,2\n3,\0\n", "line 2 has a NUL byte, expected text"),
    "UTF-8": (b"a,b\n1,2\n1,\xff\n", "line 3 is not UTF-8, expected text"),
    "Latin-1 label": (b"l,a\n\xe9t\xe9,1\n", "line 2 is not UTF-8, expected text"),
    "UTF-16": ("1,2\n".encode("utf-16"), "line 1 is not UTF-8, expected text"),
    "open quote": ('1,2\n"3,4\n5,6\n', "line 2 cannot be split into cells: unexpected end of data"),
    "quote within": ('1,2\n"3"4,5\n', "line 2 cannot be split into cells: "),
    "field": (
        "1," + "9" * 140_000,
        "line 1 cannot be split into cells: field larger than fie",
    ),
    "gzip": (b"\x1f\x8b\x08\0abc", ""),
    "cut gzip": (gzip.compress(b"1,2\n" * 99)[:-9], "Compressed file ended before the end-of"),
    "damaged gzip": (gzip.compress(b"1,2\n" * 99)[:-4] + b"abcd", "Incorrect length of data"),
    "more behind gzip": (gzip.compress(b"1,2\n") + b"3,4\n", "Not a gzipped file (b'3,')"),
}


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.usefixtures("blocks")
def test_errors_name_line_and_column(case: str, tmp_path: Path) -> None:
    text, message = REFUSED[case]
    assert complaint(tmp_path / "m.csv", text).startswith(message)


def test_an_error_far_down_names_its_line(tmp_path: Path) -> None:
    row = ",".join(["0.25"] * 100) + "\n"
    text = row * 20_000 + row.replace("0.25", "?", 1)
    message = complaint(tmp_path / "m.csv", text)
    assert message == "line 20001, column 1: expected a number, not '?'"


def test_a_name_is_refused_where_there_are_none(tmp_path: Path) -> None:
    message = complaint(tmp_path / "m.csv", "1,2\n", tensor="w")
    assert message == "it holds one array without a name, not 'w'"
    table = "step,row,col,value\n0,0,0,1\n"
    message = complaint(tmp_path / "m.csv", table, tensor="w")
    assert message == "it holds frames without names, not 'w'"
    assert "not 'w'" in complaint(tmp_path / "m.csv", table, tensor=["w", "v"])


def test_other_content_is_known_whatever_the_suffix(tmp_path: Path) -> None:
    with (tmp_path / "m.csv").open("wb") as file:
        np.save(file, WEIGHTS)
    np.testing.assert_array_equal(load_frames(tmp_path / "m.csv"), WEIGHTS)
    with pytest.raises(ValueError, match=r"m\.txt: not a file of frames, expected .*\.csv, \.tsv"):
        load_frames(put(tmp_path / "m.txt", "1,2\n"))


# ------------------------------------------------------------------------------------------- series


def write_series(folder: Path, suffix: str = ".csv") -> tuple[int, ...]:
    """Write a file for each matrix, whose names do not sort as their numbers do."""
    folder.mkdir(exist_ok=True)
    steps = (5, 50, 100, 1000)
    for step, matrix in zip(steps, WEIGHTS, strict=True):
        text = lines_of(matrix, "\t" if ".tsv" in suffix else ",").encode()
        data = gzip.compress(text) if suffix.endswith(".gz") else text
        (folder / f"series_{step}{suffix}").write_bytes(data)
    return steps


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".csv.gz", ".tsv.gz"])
def test_a_series_of_files_is_in_the_order_of_its_numbers(suffix: str, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    steps = write_series(folder, suffix)
    paths = list(folder.iterdir())
    for source in (folder, str(folder / f"series_*{suffix}"), paths):
        frames = load_frames(source)
        assert frames.shape == WEIGHTS.shape
        assert frames.dtype == np.float64
        assert frames.steps == steps
        np.testing.assert_array_equal(np.asarray(frames), WEIGHTS)
        assert frames[::2].steps == steps[::2]
        np.testing.assert_array_equal(pickle.loads(pickle.dumps(frames))[1], WEIGHTS[1])
        opened = open_frames(source)
        assert opened.steps == steps
        np.testing.assert_array_equal(np.concatenate(list(opened.chunks(3))), WEIGHTS)


def test_a_single_file_is_a_series_of_one(tmp_path: Path) -> None:
    frames = load_frames(put(tmp_path / "step_20.csv", lines_of(WEIGHTS[0])))
    assert frames.shape == (1, 3, 5)
    assert frames.steps == (20,)
    assert load_frames(put(tmp_path / "m.csv", lines_of(WEIGHTS[0]))).steps is None


def test_files_of_a_series_have_one_shape(tmp_path: Path) -> None:
    write_series(tmp_path)
    put(tmp_path / "series_50.csv", "1,2\n")
    message = r"series_50\.csv: the matrix is float64 \(1, 2\), expected float64 \(3, 5\) as in "
    with pytest.raises(ValueError, match=message):
        load_frames(tmp_path)
    put(tmp_path / "series_50.csv", "step,row,col,value\n0,0,0,1\n")
    with pytest.raises(ValueError, match=r"series_50\.csv: a long table with step, row, col"):
        load_frames(tmp_path)


def test_a_table_beside_checkpoints_is_none_of_them(tmp_path: Path) -> None:
    np.save(tmp_path / "step_1.npy", WEIGHTS[0])
    put(tmp_path / "metrics.csv", "epoch,loss\n1,0.5\n")
    np.testing.assert_array_equal(np.asarray(load_frames(tmp_path)), WEIGHTS[:1])
    (tmp_path / "step_1.npy").unlink()
    np.testing.assert_array_equal(np.asarray(load_frames(tmp_path)), [[[1, 0.5]]])


def test_a_file_that_changes_meanwhile_is_refused(tmp_path: Path) -> None:
    write_series(tmp_path)
    frames = load_frames(tmp_path)
    put(tmp_path / "series_100.csv", lines_of(WEIGHTS[2, :2]))
    np.testing.assert_array_equal(frames[:2], WEIGHTS[:2])
    with pytest.raises(ValueError, match=r"series_100\.csv: the file changed after it was opened"):
        frames.read(1, 4)


def test_good_frames_before_a_bad_one_are_read(tmp_path: Path) -> None:
    write_series(tmp_path)
    put(tmp_path / "series_100.csv", lines_of(WEIGHTS[2])[:-2] + "x\n")
    chunks = open_frames(tmp_path).chunks(9)
    np.testing.assert_array_equal(next(chunks), WEIGHTS[:2])
    with pytest.raises(ValueError, match=r"series_100\.csv: line 3, column 5: expected a number"):
        next(chunks)


# -------------------------------------------------------------------------------------- long tables


def table_of(
    frames: Matrix, steps: tuple[int, ...], rows: Any = None, columns: Any = None
) -> list[list[Any]]:
    """Return a line for each cell: step, row, column, value."""
    rows = range(frames.shape[1]) if rows is None else rows
    columns = range(frames.shape[2]) if columns is None else columns
    places = np.ndindex(*frames.shape)
    return [[steps[t], rows[i], columns[j], float(frames[t, i, j])] for t, i, j in places]


def written(lines: list[list[Any]], header: str = "step,row,col,value", mark: str = ",") -> str:
    file = io.StringIO()
    csv.writer(file, delimiter=mark).writerows([header.split(","), *lines])
    return file.getvalue()


ORDERS = {"step,row,col,value": [0, 1, 2, 3], "Value,COLUMN,Row,Step": [3, 2, 1, 0]}
STEPS = (3, 20, 100, 101)


@pytest.mark.parametrize("header", ORDERS)
@pytest.mark.parametrize("labels", ["numbers", "floats", "text", "text that looks like numbers"])
@pytest.mark.parametrize("mark", [",", ";", "\t"])
@pytest.mark.usefixtures("blocks")
def test_long_tables_are_frames_in_the_order_of_steps(
    header: str, labels: str, mark: str, tmp_path: Path
) -> None:
    rows: Any = {
        "numbers": None,
        "floats": ["0.0", "1.0", "2.0"],
        "text": ["q", "k, e", "v_1"],
        "text that looks like numbers": ["first", "2", "10"],
    }[labels]
    lines = table_of(WEIGHTS, STEPS, rows)
    if rows is None or labels == "floats":
        np.random.default_rng(0).shuffle(lines)
    else:  # labels are in the order of first appearance
        lines = lines[45:] + lines[:45]
    picked = [[line[k] for k in ORDERS[header]] for line in lines]
    frames = load_frames(put(tmp_path / "t.csv", written(picked, header, mark)))
    assert frames.shape == WEIGHTS.shape
    assert frames.steps == STEPS
    np.testing.assert_array_equal(np.asarray(frames), WEIGHTS)
    assert frames[1:3].steps == STEPS[1:3]
    np.testing.assert_array_equal(np.asarray(frames[1:3]), WEIGHTS[1:3])
    np.testing.assert_array_equal(frames[-1], WEIGHTS[-1])
    assert open_frames(frames).steps == STEPS


@pytest.mark.skipif(pandas is None, reason="needs pandas")
@pytest.mark.parametrize("index", [True, False])
def test_long_tables_are_what_pandas_pivots(index: bool, tmp_path: Path) -> None:
    rows, columns = ["alpha", "beta", "gamma"], list("vwxyz")  # which pandas sorts
    lines = table_of(WEIGHTS, STEPS, rows, columns)
    table = pandas.DataFrame(lines, columns=["step", "row", "column", "value"])
    table = table.drop(index=[7, 20, 21])
    table.loc[30, "value"] = np.nan
    table.to_csv(tmp_path / "t.csv.gz", index=index)
    frames = load_frames(tmp_path / "t.csv.gz")
    for step, frame in zip(frames.steps, frames, strict=True):
        part = table[table.step == step].pivot(index="row", columns="column", values="value")
        np.testing.assert_array_equal(frame, part.reindex(index=rows, columns=columns).to_numpy())


@given(
    cells=st.dictionaries(
        st.tuples(st.integers(-3, 9), st.integers(0, 5), st.integers(0, 5)), numbers, min_size=1
    ),
    block=st.sampled_from([1 << 20, 1, 30]),
)
@any_path
def test_cells_in_any_order_are_where_they_belong(
    cells: dict[tuple[int, int, int], float], block: int, tmp_path: Path
) -> None:
    steps = sorted({step for step, _, _ in cells})
    high, wide = (1 + max(place[k] for place in cells) for k in (1, 2))
    expected = np.full((len(steps), high, wide), np.nan)
    for (step, row, column), value in cells.items():
        expected[steps.index(step), row, column] = value
    text = written([[*place, repr(value)] for place, value in cells.items()])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(textfiles, "_BLOCK", block)
        frames = load_frames(put(tmp_path / "t.csv", text))
    np.testing.assert_array_equal(np.asarray(frames), expected)
    assert frames.steps == tuple(steps)


HEAD = "step,row,col,value\n"
WHOLE = "expected a whole number"
TABLES: dict[str, tuple[str, str]] = {
    "twice": (f"{HEAD}0,0,0,1\n\n1,0,0,2\n0,0,0,3\n", "line 5 gives the same cell as line 2,"),
    "twice at once": (f"{HEAD}0,0,0,1\n0.0,0,0,1\n", "line 3 gives the same cell as line 2,"),
    "three times": (HEAD + "1,0,0,1\n" * 3, "line 3 gives the same cell as line 2,"),
    "labels twice": (f"{HEAD}0,a,b,\n0,a,c,1\n0,a,b,1\n", "line 4 gives the same cell as line 2,"),
    "no lines": (HEAD, "a header without rows, expected numbers"),
    "vast": (f"{HEAD}0,1000000000,0,1\n", "1 value for 1 step of 1000000001 x 1 cells, expected"),
    "vaster": (f"{HEAD}0,0,0,1\n0,1000000000,1000000000,1\n", "2 values for 1 step of 1000000001"),
    # a number of so many digits is a label
    "digits": (
        f"{HEAD}0,{'9' * 30},0,1\n0,x,0,1\n0,x,0,1\n",
        "line 4 gives the same cell as line 3",
    ),
    "step": (f"{HEAD}0,0,0,1\nx,0,0,1\n", f"line 3, column 1: {WHOLE} as step, not 'x'"),
    "no step": (f"{HEAD}0,0,0,1\n,0,0,1\n", f"line 3, column 1: {WHOLE} as step, not ''"),
    "half a step": (f"{HEAD}0.5,0,0,1\n", f"line 2, column 1: {WHOLE} as step, not '0.5'"),
    "infinite": (f"{HEAD}inf,0,0,1\n", f"line 2, column 1: {WHOLE} as step, not 'inf'"),
    "row": (f"{HEAD}0,0,0,1\n0,a,1,1\n", f"line 3, column 2: {WHOLE} from 0 as row, not 'a'"),
    "negative": (
        f"{HEAD}0,0,0,1\n0,0,-1,1\n",
        f"line 3, column 3: {WHOLE} from 0 as col, not '-1'",
    ),
    "no label": (f"{HEAD}0,a,0,1\n0,,0,1\n", "line 3, column 2: expected a label as row, not ''"),
    "value": (f"{HEAD}0,0,0,1\n0,0,1,abc\n", f"line 3, column 4: {CELL} 'abc'"),
    "beside labels": (f",{HEAD}x,0,a,b,?\n", f"line 2, column 5: {CELL} '?'"),
    "ragged": (f"{HEAD}0,0,0,1\n0,0,1\n", "line 3 has 3 values, expected 4"),
    "more columns": (
        "step,row,col,value,x\n0,0,0,1,2\n",
        "line 1 names 'step', 'row', 'col', 'val",
    ),
    "both names": (
        "step,row,col,column,value\n0,0,0,1,2\n",
        "line 1 names 'step', 'row', 'col', 'c",
    ),
}


@pytest.mark.parametrize("case", TABLES)
@pytest.mark.usefixtures("blocks")
def test_mistakes_in_long_tables_name_their_lines(case: str, tmp_path: Path) -> None:
    text, message = TABLES[case]
    assert complaint(tmp_path / "t.csv", text).startswith(message)


@pytest.mark.usefixtures("blocks")
def test_a_repeated_cell_is_found_far_above(tmp_path: Path) -> None:
    lines = table_of(np.zeros((5, 8, 10)), tuple(range(5)))
    lines += [[5, 0, 0, 1.0], [3, 0, 7, 1.0], [6, 0, 0, 1.0]]
    message = complaint(tmp_path / "t.csv", written(lines))
    assert message.startswith(f"line 403 gives the same cell as line {3 * 80 + 7 + 2},")


# ------------------------------------------------------------------------------------------- limits


def peak_of(path: Path) -> int:
    """Return the bytes that reading a file takes, and whether or not it is refused."""
    tracemalloc.start()
    try:
        with suppress(ValueError):
            np.asarray(load_frames(path))
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


BOMBS: dict[str, tuple[str, bytes]] = {
    "one line": ("m.csv.gz", gzip.compress(b"0," * 100_000_000)),
    "empty cells": ("m.csv.gz", gzip.compress((b"," * 100_000 + b"\n") * 150)),
    "blank lines": ("m.csv.gz", gzip.compress(b"\n" * 50_000_000)),
    "vast": ("t.csv", (HEAD + "0,0,0,1\n9,1000000000,1000000000,1\n").encode()),
    "vast steps": ("t.csv", (HEAD + "0,0,0,1\n" + "123456789012345678,3000,3000,1\n").encode()),
}


@pytest.mark.parametrize("case", BOMBS)
def test_bombs_are_refused_in_little_memory(case: str, tmp_path: Path) -> None:
    name, data = BOMBS[case]
    path = put(tmp_path / name, data)
    with pytest.raises(ValueError, match="expected"):
        load_frames(path)
    assert peak_of(path) < 1 << 27


def test_a_million_columns_are_read(tmp_path: Path) -> None:
    path = put(tmp_path / "m.csv", ("0," * 999_999 + "1\n") * 2)
    assert read(path).sum() == 2
    message = complaint(path, "0," * (1 << 21) + "1\n")
    assert message == "line 1 has over 2097152 cells, expected fewer"


def test_a_long_line_takes_memory_for_its_cells(tmp_path: Path) -> None:
    assert peak_of(put(tmp_path / "m.csv", ("0," * 99_999 + "1\n") * 2)) < 20_000_000
    assert peak_of(put(tmp_path / "m.csv", (",," * 99_999 + "1\n") * 2)) < 30_000_000


def test_memory_is_about_that_of_the_array(tmp_path: Path) -> None:
    matrix = np.random.default_rng(0).normal(size=(2000, 500))
    np.savetxt(tmp_path / "m.csv", matrix, delimiter=",")
    assert peak_of(tmp_path / "m.csv") < 1.5 * matrix.nbytes + 20 * (1 << 20)


def test_gzip_of_numbers_is_read_whatever_its_size(tmp_path: Path) -> None:
    matrix = np.random.default_rng(0).normal(size=(1000, 1000))
    text = io.BytesIO()
    np.savetxt(text, matrix, "%.17g", ",")
    assert len(text.getvalue()) > 1 << 24
    np.testing.assert_array_equal(
        read(put(tmp_path / "m.csv.gz", gzip.compress(text.getvalue(), 1))), matrix
    )


# -------------------------------------------------------------------------------------- end to end


def gif(frames: object, **options: Any) -> bytes:
    file = io.BytesIO()
    save_gif(file, frames, **PLAIN, **options)
    return file.getvalue()


def test_save_gif_draws_text_files_as_arrays(tmp_path: Path) -> None:
    steps = write_series(tmp_path / "run")
    titles = [f"step {step}" for step in steps]
    expected = gif(WEIGHTS, titles=titles)
    template = "step {step}"
    assert gif(tmp_path / "run", titles=template) == expected
    assert gif(str(tmp_path / "run" / "*.csv"), titles=template, workers=2) == expected
    table = put(tmp_path / "long.csv", written(table_of(WEIGHTS, steps)))
    assert gif(table, titles=template) == expected
    assert gif(load_frames(table)[1:], titles=template) == gif(WEIGHTS[1:], titles=titles[1:])
    assert gif(put(tmp_path / "m.csv", lines_of(WEIGHTS[0]))) == gif(WEIGHTS[:1])


def test_the_command_renders_text_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    steps = write_series(tmp_path)
    monkeypatch.chdir(tmp_path)
    put(tmp_path / "table.tsv", written(table_of(WEIGHTS, steps), mark="\t"))
    look = ["--figsize", "3", "2", "--dpi", "40", "--valfmt", "none", "--titles", "step {step}"]
    expected = gif(WEIGHTS, titles=[f"step {step}" for step in steps])
    files = sorted(path.name for path in tmp_path.glob("series_*.csv"))
    for inputs in (files, ["series_*.csv"], ["table.tsv"]):
        assert main(["render", *inputs, "-o", "out.gif", *look]) == 0
        assert Path("out.gif").read_bytes() == expected
    assert main(["render", files[0], "--frame", "0", "-o", "still.png"]) == 0
    capsys.readouterr()
    put(tmp_path / "series_50.csv", "1,2\n3,oops\n")
    assert main(["render", "series_50.csv", "-o", "out.gif"]) == 1
    error = capsys.readouterr().err
    assert error.endswith("series_50.csv: line 2, column 2: expected a number, not 'oops'\n")
    assert error.count("\n") == 1
