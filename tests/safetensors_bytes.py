"""safetensors files, written by hand."""

from __future__ import annotations

import json
import struct
from typing import Any

KINDS = {
    "float64": "F64",
    "float32": "F32",
    "float16": "F16",
    "int64": "I64",
    "uint8": "U8",
    "bool": "BOOL",
}


def safetensors(tensors: dict[str, Any], **others: tuple[str, list[int], bytes]) -> bytes:
    """Return a file in the documented format: a length, JSON, and the data."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    data = b""
    raw = {name: (KINDS[x.dtype.name], list(x.shape), x.tobytes()) for name, x in tensors.items()}
    for name, (kind, shape, content) in {**raw, **others}.items():
        end = len(data) + len(content)
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": [len(data), end]}
        data += content
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data
