"""Animated heatmaps of weight matrices, straight to GIF."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastheat.figure.heatmap import Heatmap
    from fastheat.figure.panels import Panels
    from fastheat.indexed import save_indexed_gif
    from fastheat.inputs.sources.files import load_frames
    from fastheat.pipeline.summary import GifSummary
    from fastheat.save import save_gif
    from fastheat.writer import GifWriter

__all__ = [
    "GifSummary",
    "GifWriter",
    "Heatmap",
    "Panels",
    "load_frames",
    "save_gif",
    "save_indexed_gif",
]
__version__ = "0.2.0"

_ROOMS = {
    "GifSummary": "pipeline.summary",
    "GifWriter": "writer",
    "Heatmap": "figure.heatmap",
    "Panels": "figure.panels",
    "load_frames": "inputs.sources.files",
    "save_gif": "save",
    "save_indexed_gif": "indexed",
}


def __getattr__(name: str) -> Any:
    """Import a public name on first use, so that a still picture loads little of the rest."""
    if name not in _ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_ROOMS[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
