"""Labels that frames carry, keys of frames, and numbers that are objects.

Pictures are compared with those of plain arrays and of labels given as options.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from decoders import by_pillow
from hypothesis import given
from hypothesis import strategies as st

from fastheat import GifWriter, Heatmap, Panels, save_gif
from fastheat.inputs.frames.opening import open_frames
from fastheat.inputs.sources.labelled import texts_of

pd = pytest.importorskip("pandas")

LOOK: dict[str, Any] = {"vmin": 0, "vmax": 20}
VALUES = np.arange(12.0).reshape(3, 4)
ROWS, COLUMNS = ["ada", "bob", "cyd"], ["north", "east", "south", "west"]
NAMED: dict[str, Any] = {"row_labels": ROWS, "col_labels": COLUMNS}


def table(values: Any = VALUES, rows: Any = ROWS, columns: Any = COLUMNS) -> Any:
    return pd.DataFrame(values, index=rows, columns=columns)


def pixels(frames: Any, **options: Any) -> list[Any]:
    """Return the frames of a GIF."""
    stream = io.BytesIO()
    save_gif(stream, frames, **LOOK | options)
    return [frame for frame, _ in by_pillow(stream.getvalue())]


def recorded(frames: Any, **options: Any) -> list[Any]:
    stream = io.BytesIO()
    with GifWriter(stream, **LOOK | options) as writer:
        for frame in frames:
            writer.add(frame)
    return [frame for frame, _ in by_pillow(stream.getvalue())]


def stills(frames: Any, **options: Any) -> list[Any]:
    heatmap = Heatmap((3, 4), **LOOK | options)
    return [heatmap.rgb(frame) for frame in frames]


def same(found: list[Any], wanted: list[Any]) -> None:
    np.testing.assert_array_equal(np.stack(found), np.stack(wanted))


# --------------------------------------------------------------------------------- labels of tables


@pytest.mark.parametrize("draw", [pixels, recorded, stills])
def test_a_table_is_drawn_with_its_labels_and_the_names_of_its_axes(
    draw: Callable[..., Any],
) -> None:
    named = table(rows=pd.Index(ROWS, name="who"), columns=pd.Index(COLUMNS, name="where"))
    wanted = draw([VALUES], xlabel="where", ylabel="who", **NAMED)
    same(draw([named]), wanted)
    same(draw([named], ylabel="", xlabel="of"), draw([VALUES], xlabel="of", **NAMED))
    same(
        draw([named], row_labels=None, xlabel="", ylabel=""),
        draw([VALUES], **NAMED | {"row_labels": None}),
    )
    others = {"row_labels": ["x", "y", "z"], "col_labels": False, "xlabel": "", "ylabel": ""}
    same(draw([named], **others), draw([VALUES], **others))


def test_a_heatmap_of_a_table_has_its_shape_labels_and_range() -> None:
    heatmap = Heatmap.of(table(), cmap="magma")
    assert heatmap.range == (0, 11)
    wanted = Heatmap((3, 4), vmin=0, vmax=11, cmap="magma", **NAMED)
    np.testing.assert_array_equal(heatmap.rgb(table()), wanted.rgb(VALUES))
    with pytest.raises(TypeError, match="expected one matrix"):
        Heatmap.of({"a": VALUES})
    assert Heatmap.of(VALUES.astype(int), valfmt="d").rgb(VALUES.astype(int)).shape


def test_levels_of_labels_are_joined_and_dates_are_as_short_as_they_can_be() -> None:
    columns = pd.MultiIndex.from_tuples([("a", 1), ("a", 2), ("b", 1), ("b", 2)], names=["x", "n"])
    rows = pd.date_range("2020-01-01", periods=3)
    wanted = {
        "col_labels": ["a-1", "a-2", "b-1", "b-2"],
        "row_labels": ["2020-01-01", "2020-01-02", "2020-01-03"],
        "xlabel": "x-n",
    }
    same(pixels([table(rows=rows, columns=columns)]), pixels([VALUES], **wanted))


@pytest.mark.parametrize(
    ("labels", "texts"),
    [
        ([b"ab", "cd"], ["ab", "cd"]),
        ([None, 3], ["", "3"]),
        ([("a", 1), ("b", 2)], ["a-1", "b-2"]),
        ([("a", datetime(2020, 1, 2))], ["a-2020-01-02"]),
        ([date(2020, 1, 2), datetime(2020, 1, 2)], ["2020-01-02", "2020-01-02"]),
        ([datetime(2020, 1, 2), datetime(2020, 1, 2, 3)], ["2020-01-02 00:00", "2020-01-02 03:00"]),
        ([datetime(2020, 1, 2, 3, 4, 5)], ["2020-01-02 03:04:05"]),
        ([datetime(2020, 1, 2, 3, 4, 5, 6000)], ["2020-01-02 03:04:05.006"]),
        ([datetime(2020, 1, 2, 3, 4, 5, 6)], ["2020-01-02 03:04:05.000006"]),
        (np.array(["2020-01", "2020-02"], "M8[M]"), ["2020-01", "2020-02"]),
        (np.array(["2020-01-01", "2020-02-01"], "M8[ns]"), ["2020-01-01", "2020-02-01"]),
        (np.array(["2020-01-01T12:30"], "M8[s]"), ["2020-01-01 12:30"]),
        ([np.datetime64("2020-01-01T00:00:00")], ["2020-01-01"]),
        ([0.1, 0.30000000000000004], ["0.1", "0.3"]),
        ([np.float32(0.1), np.int8(3), np.array(4), np.str_("x")], ["0.1", "3", "4", "x"]),
        ([pd.Timestamp("2020-01-02", tz="UTC"), pd.NaT], ["2020-01-02", "NaT"]),
        (pd.period_range("2020-01", periods=2, freq="M"), ["2020-01", "2020-02"]),
        (pd.interval_range(0, 2), ["(0, 1]", "(1, 2]"]),
    ],
    ids=str,
)
def test_labels_are_written_as_people_write_them(labels: Any, texts: list[str]) -> None:
    assert list(texts_of(labels)) == texts


def test_numbered_rows_are_numbers_and_others_than_from_0_are_kept() -> None:
    same(pixels([pd.DataFrame(VALUES)]), pixels([VALUES]))
    from_1 = table(rows=[1, 2, 3], columns=[0.5, 1.0, 1.5, 2.0])
    found = Heatmap.of(from_1).look
    assert [found.rows.text(k) for k in range(3)] == ["1", "2", "3"]
    assert [found.columns.text(k) for k in range(4)] == ["0.5", "1.0", "1.5", "2.0"]
    assert found.rows.auto  # numbers that have no room are left out, as those from 0
    assert found.columns.auto


def test_letters_that_the_font_lacks_are_drawn_in_another() -> None:
    greek = table(rows=["Δ", "Θ", "Λ"])
    same(pixels([greek]), pixels([VALUES], **NAMED | {"row_labels": ["Δ", "Θ", "Λ"]}))


@pytest.mark.filterwarnings("ignore:drew 3000 x 200", "ignore:left out")
def test_a_matrix_that_is_reduced_has_labels() -> None:
    names = [f"unit {k}" for k in range(200)]
    found = pixels([pd.DataFrame(np.zeros((3000, 200)), columns=names)], col_rotation=90)
    same(found, pixels([np.zeros((3000, 200))], col_labels=names, col_rotation=90))


@pytest.mark.parametrize("name", ["polars", "pyarrow"])
def test_tables_without_an_index_have_labels_of_columns(name: str) -> None:
    library: Any = pytest.importorskip(name)
    data = {label: VALUES[:, k] for k, label in enumerate(COLUMNS)}
    frame = library.DataFrame(data) if name == "polars" else library.table(data)
    for draw in (pixels, recorded, stills):
        same(draw([frame]), draw([VALUES], col_labels=COLUMNS))


def test_arrays_of_xarray_have_labels_names_and_titles() -> None:
    xr: Any = pytest.importorskip("xarray")
    times = pd.date_range("2020-01-01", periods=2, freq="12h")
    coords = {"time": times, "who": ROWS, "where": COLUMNS}
    frames = np.stack([VALUES, VALUES + 1])
    array = xr.DataArray(frames, dims=("time", "who", "where"), coords=coords)
    titles = ["2020-01-01 00:00", "2020-01-01 12:00"]
    look = {"xlabel": "where", "ylabel": "who", **NAMED}
    same(pixels(array), pixels(frames, titles=[f"time = {t}" for t in titles], **look))
    same(
        pixels(array, titles="at {step}"),
        pixels(frames, titles=[f"at {t}" for t in titles], **look),
    )
    same(pixels(array, title="all"), pixels(frames, title="all", **look))
    bare = xr.DataArray(frames, dims=("time", "who", "where"))
    same(pixels(bare), pixels(frames, xlabel="where", ylabel="who"))
    same(pixels(xr.DataArray(frames)), pixels(frames))
    heatmap = Heatmap((3, 4), **LOOK, **look)
    save_gif(stream := io.BytesIO(), array, heatmap=heatmap)
    same([f for f, _ in by_pillow(stream.getvalue())], pixels(array))


def test_panels_have_the_labels_of_their_own_matrices() -> None:
    frames = [{"a": table(), "b": table(VALUES.T, COLUMNS, ROWS)}] * 2
    own = {"a": NAMED, "b": {"row_labels": COLUMNS, "col_labels": ROWS}}
    plain = [{"a": VALUES, "b": VALUES.T}] * 2
    wanted = pixels(plain, options=own)
    same(pixels(frames), wanted)
    same(recorded(frames), wanted[:1] * len(recorded(frames)))
    same(pixels({name: [frame[name] for frame in frames] for name in "ab"}), wanted)
    panels = Panels({"a": (3, 4), "b": (4, 3)}, **LOOK)
    np.testing.assert_array_equal(panels.rgb(frames[0]), wanted[0])
    mixed = pixels(frames, options={"b": {"row_labels": None}})
    own["b"]["row_labels"] = None
    same(mixed, pixels(plain, options=own))


def test_a_file_of_tables_is_continued_with_its_labels(tmp_path: Path) -> None:
    path = tmp_path / "a.gif"
    first, second = table(), table()[COLUMNS[::-1]]
    for step, frame in enumerate([first, second, table(VALUES + 1)]):
        with GifWriter(path, mode="a", **LOOK) as writer:
            writer.add(frame, step=step)
    found = [frame for frame, _ in by_pillow(path.read_bytes())]
    same(found, stills([VALUES, VALUES, VALUES + 1], **NAMED))
    writer = GifWriter(path, mode="a", **LOOK)
    with pytest.raises(ValueError, match="frame 3 lacks row 'ada' and has row 'x' besides"):
        writer.add(table(rows=["x", "bob", "cyd"]), step=5)
    writer.close()
    save_gif(path, [first], **LOOK)
    with GifWriter(path, mode="a", **LOOK) as writer:
        writer.add(second)
    same([frame for frame, _ in by_pillow(path.read_bytes())], stills([VALUES] * 2, **NAMED))


# --------------------------------------------------------------------------------------- alignment


@given(st.permutations(range(3)), st.permutations(range(4)))
def test_frames_are_drawn_in_the_order_of_the_labels_of_the_first(rows: Any, columns: Any) -> None:
    mixed = table().iloc[rows, columns]
    frames = open_frames([table(), mixed])
    first, second = next(frames.chunks(2))
    np.testing.assert_array_equal(first, VALUES)
    np.testing.assert_array_equal(second, VALUES)


@pytest.mark.parametrize("draw", [pixels, recorded, stills])
def test_frames_of_other_labels_are_refused_with_what_differs(draw: Callable[..., Any]) -> None:
    other = table().rename(columns={"north": "up", "east": "right"})
    with pytest.raises(
        ValueError, match="lacks columns 'north', 'east' and has columns 'up', 'right'"
    ):
        draw([table(), other])
    twice = ["a", "a", "b"]
    with pytest.raises(ValueError, match="has rows of one name in another order"):
        draw([table(rows=twice), table(rows=["a", "b", "a"])])
    same(draw([table(rows=twice)] * 2), draw([VALUES] * 2, **NAMED | {"row_labels": twice}))


def test_parts_of_a_longer_table_are_taken_by_position() -> None:
    whole = pd.DataFrame(np.arange(24.0).reshape(6, 4))
    same(
        pixels([whole[:3], whole[3:]], vmax=30), pixels(whole.to_numpy().reshape(2, 3, 4), vmax=30)
    )
    mixed = pd.DataFrame(VALUES).iloc[[2, 0, 1]]
    same(pixels([pd.DataFrame(VALUES), mixed]), pixels([VALUES, VALUES]))


@pytest.mark.parametrize("each", [False, True])
def test_annotations_and_masks_are_drawn_in_the_order_of_the_frames(each: bool) -> None:
    mixed = [2, 0, 1], [3, 1, 0, 2]
    numbers = table(VALUES * 2)
    texts = numbers.map(lambda x: f"<{x:g}>")
    mask = table(VALUES % 5 == 0)
    for annot in (numbers, texts):
        other = annot.iloc[mixed]
        wanted = pixels([VALUES], annot=annot.to_numpy(), mask=mask.to_numpy(), **NAMED)
        given = [other] if each else other
        same(pixels([table()], annot=given, mask=mask.iloc[mixed]), wanted)
        heatmap = Heatmap((3, 4), mask=mask.iloc[mixed], **LOOK, annot=annot.to_numpy())
        np.testing.assert_array_equal(heatmap.rgb(table(), annot=other), wanted[0])
        writer_gif = io.BytesIO()
        with GifWriter(writer_gif, mask=mask.iloc[mixed], **LOOK) as writer:
            writer.add(table(), annot=other)
        same([f for f, _ in by_pillow(writer_gif.getvalue())], wanted)
    with pytest.raises(ValueError, match="mask lacks row 'ada' and has row 'x' besides"):
        pixels([table()], mask=mask.rename(index={"ada": "x"}))
    with pytest.raises(ValueError, match=r"annot.* lacks row 'ada' and has row 'x' besides"):
        pixels([table()], annot=texts.rename(index={"ada": "x"}))


# --------------------------------------------------------------------------------------------- keys


def titled(frames: Any) -> tuple[list[str], list[Any]]:
    """Return the steps of frames, and their values."""
    opened = open_frames(frames)
    values = np.concatenate(list(opened.chunks(1)))
    return [str(step) for step in opened.steps or ()], values.tolist()


ONE, TWO = np.eye(2), np.ones((2, 2))
LONG = pd.DataFrame({"step": [5, 5, 10, 10], "p": [1.0, 0, 1, 1], "q": [0.0, 1, 1, 1]})


@pytest.mark.parametrize(
    ("frames", "steps"),
    [
        (lambda: {5: ONE, 10: TWO}, ["5", "10"]),
        (lambda: {0.5: ONE, 1.5: TWO.tolist()}, ["0.5", "1.5"]),
        (lambda: {date(2020, 1, 1): ONE, date(2020, 1, 2): TWO}, ["2020-01-01", "2020-01-02"]),
        (lambda: {np.int64(5): ONE, np.int64(10): TWO}, ["5", "10"]),
        (lambda: {"epoch 5": ONE, "epoch 10": TWO}, ["epoch 5", "epoch 10"]),
        (lambda: {"5": ONE, "10": TWO}, ["5", "10"]),
        (lambda: {5: ONE, 10: TWO}.items(), ["5", "10"]),
        (lambda: [("before", ONE), ("after", TWO)], ["before", "after"]),
        (
            lambda: [(pd.Timestamp("2020-01-01"), ONE), (pd.Timestamp("2020-02-01"), TWO)],
            ["2020-01-01", "2020-02-01"],
        ),
        (lambda: LONG.groupby("step"), ["5", "10"]),
        (lambda: LONG.groupby(["step"]), ["5", "10"]),
        (lambda: list(LONG.set_index(np.arange(4) % 2).groupby("step")), ["5", "10"]),
        (lambda: LONG.groupby(LONG["step"])[["p", "q"]], ["5", "10"]),
        (
            lambda: LONG.assign(row=[0, 1, 0, 1]).set_index(["step", "row"]).groupby(level=0),
            ["5", "10"],
        ),
        (lambda: LONG.assign(run="a").groupby(["run", "step"]), ["a-5", "a-10"]),
    ],
)
def test_keys_of_frames_are_their_steps(frames: Callable[[], Any], steps: list[str]) -> None:
    assert titled(frames()) == (steps, [ONE.tolist(), TWO.tolist()])


def test_groups_of_polars_are_frames() -> None:
    pl: Any = pytest.importorskip("polars")
    groups = pl.DataFrame({name: LONG[name].to_list() for name in LONG}).group_by(
        "step", maintain_order=True
    )
    assert titled(groups) == (["5", "10"], [ONE.tolist(), TWO.tolist()])


@pytest.mark.parametrize("workers", [1, 2])
def test_keys_of_an_iterator_are_read_with_its_frames(workers: int) -> None:
    def pairs() -> Iterator[Any]:
        for k in range(40):
            yield 10 * k, VALUES + k % 7

    frames = [VALUES + k % 7 for k in range(40)]
    wanted = pixels(frames, titles=[f"step {10 * k}" for k in range(40)])
    same(pixels(pairs(), titles="step {step}", workers=workers), wanted)
    same(pixels(pairs(), title="step {step}", workers=workers), wanted)
    counted = pixels(enumerate(frames), titles="step {step}")
    same(counted, pixels(frames, titles="step {}"))


def test_frames_of_panels_have_keys_too() -> None:
    frames = {5: {"a": ONE, "b": TWO}, 10: {"a": TWO, "b": ONE}}
    wanted = pixels(list(frames.values()), titles=["5", "10"])
    same(pixels(frames, titles="{step}"), wanted)
    same(pixels(list(frames.items()), titles="{step}"), wanted)


def test_a_dictionary_that_may_be_one_frame_or_several_is_refused_with_both_ways() -> None:
    frames = {"fc1": ONE, "fc2": TWO}
    with pytest.raises(
        ValueError, match=r"'fc1', 'fc2': give \[frames\] .*, or list\(frames.items"
    ) as e:
        pixels(frames)
    assert "\n" not in str(e.value)
    assert len(pixels([frames])) == 1
    assert len(pixels(list(frames.items()), titles="{step}")) == 2


def test_steps_that_are_no_numbers_are_numbered_in_a_plot_of_lines() -> None:
    frames = [("a", {"w": ONE, "loss": 1.0}), ("b", {"w": TWO, "loss": 0.5})]
    plain = pixels([frame for _, frame in frames])
    same(pixels(frames), plain)


# ------------------------------------------------------------------------------------------- titles


def test_titles_may_be_numbers_and_dates_and_none() -> None:
    frames = [VALUES] * 4
    days = [date(2020, 1, 1), datetime(2020, 1, 2), np.datetime64("2020-01-03"), None]
    texts = ["2020-01-01", "2020-01-02", "2020-01-03", ""]
    same(pixels(frames, titles=days), pixels(frames, titles=texts))
    same(pixels(frames, titles=iter(days)), pixels(frames, titles=iter(texts)))
    numbers = [1, 2.5, np.float32(0.1), Decimal("1.50")]
    same(pixels(frames, titles=numbers), pixels(frames, titles=["1", "2.5", "0.1", "1.50"]))
    same(pixels(frames, titles=np.arange(4)), pixels(frames, titles=list("0123")))
    heatmap = Heatmap((3, 4), **LOOK)
    np.testing.assert_array_equal(heatmap.rgb(VALUES, 3), heatmap.rgb(VALUES, "3"))
    stream = io.BytesIO()
    with GifWriter(stream, **LOOK) as writer:
        writer.add(VALUES, title=date(2020, 1, 1))
    same([f for f, _ in by_pillow(stream.getvalue())], pixels([VALUES], titles=["2020-01-01"]))


# ------------------------------------------------------------------------------------------ objects

NAN = float("nan")


@pytest.mark.parametrize(
    ("cells", "wanted"),
    [
        ([[True, 0.5], [None, 3]], [[1, 0.5], [NAN, 3]]),
        ([[Decimal("0.1"), Fraction(1, 3)], [1, 2]], [[0.1, 1 / 3], [1, 2]]),
        ([[np.float32(0.5), np.int8(3)], [np.array(4), np.bool_(True)]], [[0.5, 3], [4, 1]]),
        ([[2**70, 1], [1, 1]], [[2.0**70, 1], [1, 1]]),
        ([[pd.NA, 1], [pd.NaT, 2]], [[NAN, 1], [NAN, 2]]),
        (pd.DataFrame({"a": pd.array([1, None], "Int64"), "b": [0.5, 1]}), [[1, 0.5], [NAN, 1]]),
        (
            pd.DataFrame({"a": pd.array([True, None], "boolean"), "b": [0.5, 1]}),
            [[1, 0.5], [NAN, 1]],
        ),
        (pd.DataFrame({"a": [Decimal(1), None], "b": [True, False]}), [[1, 1], [NAN, 0]]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_objects_that_are_numbers_are_drawn_as_such(cells: Any, wanted: Any) -> None:
    found = next(open_frames([cells]).chunks(1))[0]
    np.testing.assert_array_equal(found, wanted)
    stack = np.array(np.asarray(cells, object))[None]
    np.testing.assert_array_equal(next(open_frames(stack).chunks(1))[0], wanted)


def test_arrow_columns_are_numbers() -> None:
    pytest.importorskip("pyarrow")
    cells = pd.DataFrame({"a": [1, None], "b": [0.5, 2.5]}).astype(
        {"a": "int64[pyarrow]", "b": "double[pyarrow]"}
    )
    np.testing.assert_array_equal(next(open_frames([cells]).chunks(1))[0], [[1, 0.5], [NAN, 2.5]])


@pytest.mark.parametrize("cell", [2**53 + 1, 2**64 + 1, -(2**63) - 1, 10**400])
def test_integers_that_lose_digits_are_told(cell: int) -> None:
    if np.finfo(np.longdouble).nmant <= 52 and abs(cell) >= 2**63:
        pytest.skip("no type of numpy holds them here")
    with pytest.warns(UserWarning, match="in cell .* becomes"):
        next(open_frames([[[cell, None]]]).chunks(1))


def test_whole_objects_keep_their_format() -> None:
    cells = np.array([[1, 2], [3, 4]], object)
    same(pixels([cells], valfmt="d"), pixels([cells.astype(int)], valfmt="d"))


def test_texts_may_stand_beside_numbers_and_missing_ones() -> None:
    given = np.array(
        [["a", 1.5, None, 2], [pd.NA, NAN, "b", True], ["c", Decimal("0.1"), 0, ""]], object
    )
    wanted = [["a", "1.5", "", "2"], ["", "", "b", "True"], ["c", "0.1", "0", ""]]
    for annot in (given, given.tolist(), pd.DataFrame(given)):
        same(pixels([VALUES], annot=annot), pixels([VALUES], annot=wanted))
    numbers = np.array([[1, None, pd.NA, Decimal("0.5")]] * 3, object)
    masked = np.ma.masked_invalid([[1, NAN, NAN, 0.5]] * 3)
    same(pixels([VALUES], annot=numbers), pixels([VALUES], annot=masked))


def test_columns_of_texts_are_told_with_what_to_give() -> None:
    texts = table().assign(name=["a", "b", "c"])
    refused = r"^frame 0 has 'a' in cell \(0, 4\), expected a number: give "
    with pytest.raises(TypeError, match=refused + r"\.set_index\('name'\), for labels of rows, or"):
        pixels([texts])
    with pytest.raises(TypeError, match=refused + r"\.select_dtypes\('number'\)$"):
        pixels([texts.assign(other="x")])
    same(
        pixels([texts.set_index("name")]),
        pixels([VALUES], col_labels=COLUMNS, row_labels=list("abc"), ylabel="name"),
    )
    pl: Any = pytest.importorskip("polars")
    frame = pl.DataFrame({"a": [1.0, 2.0], "b": ["x", "y"]})
    with pytest.raises(TypeError, match=r"'x' in cell \(0, 1\), .*: give \.drop\(\['b'\]\)"):
        pixels([frame])


def test_groups_by_time_have_rows_in_order() -> None:
    days = pd.DataFrame(np.arange(8.0).reshape(4, 2), index=pd.date_range("2020-01-01", periods=4))
    keys, values = titled(days.resample("2D"))
    assert keys == ["2020-01-01", "2020-01-03"]
    assert values == [[[0, 1], [2, 3]], [[4, 5], [6, 7]]]
    with pytest.raises(TypeError, match="groups of a table, not of one of its columns"):
        titled(days[0].groupby([0, 0, 1, 1]))


def test_a_frame_that_is_no_pair_among_pairs_is_named() -> None:
    for frames in ([(0, ONE), TWO], iter([(0, ONE), TWO])):
        with pytest.raises(
            ValueError, match=r"frame 1 is a ndarray, expected a pair \(key, matrix\)"
        ):
            titled(frames)


def test_steps_that_are_dates_take_formats_of_dates() -> None:
    days = {date(2020, 1, 2): ONE, date(2020, 2, 3): TWO}
    wanted = pixels(list(days.values()), titles=["02 Jan", "03 Feb"])
    same(pixels(days, titles="{step:%d %b}"), wanted)
    stamps = {np.datetime64(day): matrix for day, matrix in days.items()}
    same(pixels(stamps, titles="{step:%d %b}"), wanted)
    same(pixels(iter(days.items()), titles="{step:%d %b}", vmin=0), wanted)


def test_groups_and_titles_of_xarray() -> None:
    xr: Any = pytest.importorskip("xarray")
    coords = {"time": pd.date_range("2020-01-01", periods=2), "x": ["p", "q"]}
    array = xr.DataArray(np.stack([ONE, TWO]), dims=("time", "y", "x"), coords=coords)
    assert titled(array.groupby("time")) == (
        ["2020-01-01", "2020-01-02"],
        [ONE.tolist(), TWO.tolist()],
    )
    named = {"col_labels": ["p", "q"], "xlabel": "x", "ylabel": "y"}
    wanted = pixels([ONE, TWO], titles=["Jan 1", "Jan 2"], **named)
    same(pixels(array, titles=array.time.dt.strftime("%b %-d")), wanted)
    coarse = xr.DataArray(
        ONE, dims=("y", "x"), coords={"x": np.array([0.1234567, -169.73607], "f4")}
    )
    assert Heatmap.of(coarse).look.columns.texts == ("0.123457", "-169.736")


def test_numbers_over_columns_are_not_turned() -> None:
    numbered = Heatmap.of(table(columns=[1990, 2000, 2010, 2020]))
    plain = Heatmap(
        (3, 4),
        vmin=0,
        vmax=11,
        col_labels=["1990", "2000", "2010", "2020"],
        col_rotation=0,
        row_labels=ROWS,
    )
    np.testing.assert_array_equal(numbered.rgb(VALUES), plain.rgb(VALUES))


def test_a_dictionary_that_numpy_loads_is_read_as_one(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array({5: ONE, 10: TWO}, object), allow_pickle=True)
    loaded = np.load(tmp_path / "a.npy", allow_pickle=True)
    assert titled(loaded) == (["5", "10"], [ONE.tolist(), TWO.tolist()])


def test_levels_of_rows_are_told_to_be_groups() -> None:
    days = pd.DataFrame({"a": [1.0, 0, 1, 1], "b": [0.0, 1, 1, 1]})
    days.index = pd.MultiIndex.from_product([[5, 10], ["a", "b"]], names=["step", None])
    with pytest.raises(
        ValueError, match=r"for the groups of its index frames\.groupby\(level=0\)$"
    ):
        titled(days)
    assert titled(days.groupby(level=0)) == (["5", "10"], [ONE.tolist(), TWO.tolist()])


def test_groups_lose_what_they_were_grouped_by_and_nothing_else() -> None:
    runs = LONG.assign(zero=0.0, layer=0)
    wanted = [[[1, 0, 0], [0, 1, 0]], [[1, 1, 0], [1, 1, 0]]]
    assert titled(runs.groupby(["layer", "step"])) == (["0-5", "0-10"], wanted)
    assert titled(runs.groupby(["layer", "step"])[["p", "q", "zero"]])[1] == wanted
    assert titled(runs.groupby(runs["step"]))[1][0] == [[1, 0, 0, 0], [0, 1, 0, 0]]
    assert titled(runs.groupby(pd.Grouper(key="step")))[1][0] == [[1, 0, 0, 0], [0, 1, 0, 0]]
    missing = runs.assign(step=[5, 5, np.nan, np.nan]).groupby("step", dropna=False)
    assert titled(missing) == (
        ["5.0", "nan"],
        [[[1, 0, 0, 0], [0, 1, 0, 0]], [[1, 1, 0, 0], [1, 1, 0, 0]]],
    )
    flags = LONG.assign(step=[True, True, False, False]).groupby("step")
    assert titled(flags) == (["False", "True"], [TWO.tolist(), ONE.tolist()])
    units = LONG.assign(unit=[0, 1, 0, 1]).set_index(["step", "unit"])
    for groups in (units.groupby("step"), units.groupby(level="step"), units.groupby(level=0)):
        assert open_frames(groups).axes[""].rows.name == "unit"
    empty = LONG.assign(step=pd.Categorical(["u", "u", "v", "v"], categories=["u", "v", "w"]))
    with pytest.raises(ValueError, match=r"group 'w' has no rows, .*: group with observed=True"):
        titled(empty.groupby("step", observed=False))


def test_a_pair_of_tables_is_a_frame_of_two_panels() -> None:
    panels = Panels({"a": (3, 4), "b": (3, 4)}, **LOOK)
    save_gif(stream := io.BytesIO(), [(table(), table(VALUES + 1))], heatmap=panels)
    wanted = panels.rgb({"a": table(), "b": table(VALUES + 1)})
    same([frame for frame, _ in by_pillow(stream.getvalue())], [wanted])


def test_keys_may_be_numbers_of_any_library() -> None:
    keys = [
        np.float32(0.1),
        Decimal("1.10"),
        np.array(3),
        True,
        ("a", 1),
        pd.Period("2020-01", "M"),
    ]
    found, _ = titled([(key, ONE) for key in keys])
    assert found == ["0.1", "1.10", "3", "True", "a-1", "2020-01"]
    with pytest.raises(
        ValueError, match=r"not keys 'a', 100: give list\(frames.values\(\)\) with titles="
    ):
        titled({"a": ONE, 100: TWO})


def test_labels_are_compared_as_they_are_and_not_as_they_are_written() -> None:
    close = table(columns=[0.1 + 0.2, 0.3, 1, "1"])
    same(pixels([close, close.iloc[:, ::-1]]), pixels([close, close]))
    assert list(texts_of(pd.to_datetime(["2024-01-01", None]))) == ["2024-01-01", "NaT"]
    assert open_frames(
        [table(columns=pd.to_datetime(["2024-01-01", None, "2024-01-03", "2024-01-04"]))]
    ).axes[""].columns.texts == ("2024-01-01", "NaT", "2024-01-03", "2024-01-04")


def test_numbers_mask_where_they_are_not_zero_as_in_seaborn() -> None:
    corr = table().T.corr()
    wanted = pixels([corr], mask=np.triu(np.ones((3, 3), bool)))
    for mask in (np.triu(corr), np.triu(np.ones((3, 3))), np.triu(np.full((3, 3), -2))):
        same(pixels([corr], mask=mask), wanted)
    with pytest.raises(ValueError, match=r"np\.ma\.array\(frame, mask=mask\)"):
        pixels([corr, corr], mask=np.zeros((2, 3, 3)))


def test_names_of_rows_in_a_column_of_polars_are_given_as_row_labels() -> None:
    pl: Any = pytest.importorskip("polars")
    named = pl.DataFrame({"name": ROWS, **dict(zip(COLUMNS, VALUES.T, strict=True))})
    with pytest.raises(
        TypeError, match=r"give \.drop\(\['name'\]\), and names of rows as row_labels"
    ):
        Heatmap.of(named)
    found = Heatmap.of(named.drop("name"), row_labels=named["name"], vmin=0, vmax=20)
    same([found.rgb(VALUES)], stills([table()], **NAMED))


def test_frames_of_xarray_in_a_list_have_their_place_as_a_step() -> None:
    xr: Any = pytest.importorskip("xarray")
    times = pd.date_range("2020-01-01", periods=3)
    array = xr.DataArray(
        np.arange(36.0).reshape(3, 3, 4) / 2,
        dims=("time", "a", "b"),
        coords={"time": times, "a": ROWS, "b": COLUMNS},
    )
    same(pixels(list(array)), pixels(array))
    assert list(open_frames([array[2], array[0]]).steps or ()) == ["2020-01-03", "2020-01-01"]
    assert open_frames([array[2], array[2]]).steps is None
    assert open_frames([array[2], array[0].drop_vars("time")]).steps is None


def test_arrays_of_several_matrices_by_step_say_how_they_become_panels() -> None:
    frames = {k: np.zeros((3, 2, 2)) for k in range(2)}
    with pytest.raises(ValueError, match="expected a matrix for each step") as caught:
        open_frames(frames)
    code = str(caught.value).partition("give ")[2].partition(" for panels")[0]
    assert set(open_frames(eval(code, {"frames": frames})).shape) == {"head 0", "head 1"}


def test_numbers_of_columns_and_of_masks_are_labels() -> None:
    numbered = table(columns=[10, 11, 12, 13])
    with pytest.raises(ValueError, match="mask lacks column '10' and has column '14' besides"):
        pixels([numbered], mask=pd.DataFrame(VALUES > 3, ROWS, [11, 12, 13, 14]))
    with pytest.raises(ValueError, match="frame 1 lacks column '10' and has column '14' besides"):
        pixels([numbered, table(columns=[11, 12, 13, 14])])


def test_axes_in_another_order_are_turned() -> None:
    xr: Any = pytest.importorskip("xarray")
    array = xr.DataArray(VALUES, dims=("out", "in"))
    same(pixels([array, array.T]), pixels([array, array]))


def test_every_nth_label_is_that_of_the_table() -> None:
    wanted = pixels([VALUES], row_labels=["ada", "", "cyd"], col_labels=COLUMNS, thin_labels=False)
    found = Heatmap.of(table(), row_labels=2, col_labels=True).look
    assert [found.rows.text(k) for k in found.rows.shown] == ["ada", "cyd"]
    assert [found.columns.text(k) for k in found.columns.shown] == COLUMNS
    assert len(wanted) == 1


def test_objects_are_recorded_as_they_are_saved() -> None:
    cells = np.array([[1.0, None, 3, True]] * 3, object)
    same(recorded([cells]), pixels([cells]))
    masked = [[1.0, np.ma.masked, 3, 4]] * 3
    same(pixels([masked]), pixels([np.ma.masked_equal([[1.0, -1, 3, 4]] * 3, -1)]))
    pa: Any = pytest.importorskip("pyarrow")
    with pytest.raises(
        TypeError, match=r"'x' in cell \(0, 0\), .*: give \.drop_columns\(\['a'\]\)"
    ):
        pixels([pa.table({"a": ["x", "y"], "b": [1, 2]})])


def test_titles_of_keys_that_are_texts_have_room() -> None:
    days = {date(2024, 1, 1): ONE, date(2024, 1, 2): TWO}
    wanted = pixels(list(days.values()), titles=["2024-01-01", "2024-01-02"])
    same(pixels(days, titles="{step}"), wanted)
    same(pixels(days, title="{step}"), wanted)


# -------------------------------------------------------------------------------------- text files


def test_a_text_file_with_names_is_drawn_with_them(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    table(rows=pd.Index(ROWS, name="who")).to_csv(path)
    same(pixels(path), pixels([VALUES], ylabel="who", **NAMED))
    same(pixels(path, row_labels=None, ylabel=""), pixels([VALUES], **NAMED | {"row_labels": None}))
    pd.DataFrame(VALUES).to_csv(path)
    same(pixels(path), pixels([VALUES]))
    pd.DataFrame(VALUES, columns=COLUMNS).to_csv(path, index=False, sep="\t")
    same(pixels(path), pixels([VALUES], col_labels=COLUMNS))
    np.savetxt(path, VALUES, delimiter=",")
    same(pixels(path), pixels([VALUES]))


def test_a_series_of_text_files_is_in_the_order_of_the_names_of_the_first(tmp_path: Path) -> None:
    table().to_csv(tmp_path / "step_1.csv")
    (table() + 1).iloc[::-1, [2, 0, 3, 1]].to_csv(tmp_path / "step_2.csv")
    wanted = pixels([VALUES, VALUES + 1], titles=["1", "2"], **NAMED)
    same(pixels(tmp_path, titles="{step}"), wanted)
    same(pixels(tmp_path, titles="{step}", workers=2), wanted)
    table().rename(index={"ada": "x"}).to_csv(tmp_path / "step_3.csv")
    with pytest.raises(ValueError, match=r"step_3\.csv.* lacks row 'ada' and has row 'x' besides"):
        pixels(tmp_path)


@pytest.mark.filterwarnings("ignore:left out 1 of 2 col_labels", "ignore:drew 5000 x 2 values")
def test_many_names_are_thinned_like_numbers(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    rows = [f"row {k}" for k in range(5000)]
    pd.DataFrame(np.zeros((5000, 2)), rows, ["a", "b"]).to_csv(path)
    same(
        pixels(path, valfmt=None),
        pixels([pd.DataFrame(np.zeros((5000, 2)), rows, ["a", "b"])], valfmt=None),
    )
