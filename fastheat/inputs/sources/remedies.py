"""Reasons why objects are no arrays of numbers, and what to give instead, for errors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from PIL import Image

from fastheat.inputs.sources.objects import is_real
from fastheat.messages import short

MOST_CELLS = 1 << 27  # of a sparse tensor: 1 GB as float64
_SEARCHED = 10_000  # cells in which one that is no number is looked for


def without_values(value: Any) -> str:
    """Return why no numbers can be read from an array of another library, "" if they can."""
    kind = type(value)
    known = {each.__name__ for each in kind.__mro__}
    name, way = _named(kind), ""
    # of the type, since columns of tables are attributes too
    if hasattr(kind, "nnz") or hasattr(kind, "nse"):  # of SciPy, JAX or sparse
        way = ", which is sparse: give .toarray()"
        if not hasattr(value, "toarray"):
            way = ", which is sparse: give .todense()"
    elif "Tracer" in known:
        way = ", which has none while JAX traces: call it outside, or by jax.debug.callback"
    elif "LazyFrame" in known:
        way = ": give .collect()"
    elif hasattr(kind, "detach"):
        if hasattr(value, "full_tensor"):
            way = ", of which each process has a part: give .full_tensor(), on all ranks"
        elif "UninitializedTensorMixin" in known:
            way = ", which has none yet: call the module once before"
        elif getattr(value, "is_meta", False) or "FakeTensor" in known:
            name, way = "a tensor on the meta device", ", which has none: load its values first"
        elif getattr(value, "is_quantized", False):
            name, way = "a quantized tensor", ": give .dequantize()"
        elif getattr(value, "is_nested", False):
            name = "a nested tensor"
            way = ": give torch.nested.to_padded_tensor(tensor, float('nan'))"
        elif "MaskedTensor" in known:
            way = ": give .to_tensor(float('nan'))"
        elif is_sparse(value) and value.numel() > MOST_CELLS:
            size = " x ".join(map(str, value.shape))
            return f"expected at most {MOST_CELLS} cells, not a sparse tensor of {size}"
    return way and f"expected numbers, not {name}{way}"


def is_sparse(value: Any) -> bool:
    """Return whether a value is a sparse tensor of PyTorch."""
    return hasattr(type(value), "detach") and str(getattr(value, "layout", "")).startswith(
        "torch.sparse"
    )


def no_array(value: Any) -> str:
    """Return why an object is no array of numbers, "" if that is not known beforehand."""
    if value is None:
        return "expected numbers, not None, as a gradient is before backward()"
    if isinstance(value, Image.Image):
        return (
            "expected numbers, not a picture: Pillow saves it, and save_indexed_gif the indices of "
            "palettes"
        )
    name = _named(type(value))
    if isinstance(value, type):
        return f"expected numbers, not the class {value.__name__}"
    if callable(getattr(value, "state_dict", None)):
        way = "one of its weights, such as its .weight" if hasattr(value, "weight") else ""
        return f"expected numbers, not {name}: give {way or 'its .state_dict(), or a weight in it'}"
    if hasattr(value, "__array__") or hasattr(value, "__dlpack__"):
        return ""
    if isinstance(value, Iterator):
        return f"expected rows of numbers, not {name}, which may be read once: give a list of rows"
    if isinstance(value, Mapping):
        return f"expected one matrix, not {short(value)}"
    if isinstance(value, Iterable) and not hasattr(value, "__getitem__"):
        return f"expected rows of numbers in order, not {name}: give a list of rows"
    return ""


def no_conversion(value: object) -> str:
    """Return the error of an object that numpy made no array of."""
    return f"expected numbers, not {_named(type(value))}"


def _named(kind: type) -> str:
    name = kind.__name__
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"


def without_texts(table: Any) -> str:
    """Return what to give in place of a table with columns of texts, "" for anything else."""
    columns: Any = getattr(table, "column_names", getattr(table, "columns", None))
    if not hasattr(columns, "__len__") or not hasattr(table, "__getitem__"):
        return ""
    try:
        texts = [name for name in columns if not all(map(_is_number, islice(table[name], 9)))]
    except Exception:  # of a table of another kind
        return ""
    if len(texts) == 1 < len(columns) and hasattr(table, "set_index"):
        return f": give .set_index({texts[0]!r}), for labels of rows, or .select_dtypes('number')"
    if hasattr(table, "select_dtypes"):
        return ": give .select_dtypes('number')"
    for way in ("drop_columns", "drop"):  # of pyarrow, of polars
        if texts and hasattr(table, way):
            return f": give .{way}({texts!r}), and names of rows as row_labels"
    return ""


def _is_number(cell: Any) -> bool:
    if callable(getattr(cell, "as_py", None)):  # of pyarrow
        cell = cell.as_py()
    return cell is None or cell != cell or is_real(cell)
