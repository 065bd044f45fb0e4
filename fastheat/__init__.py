"""Animated heatmaps of weight matrices, straight to GIF."""

from fastheat.files import load_frames
from fastheat.heatmap import Heatmap
from fastheat.indexed import save_indexed_gif
from fastheat.panels import Panels
from fastheat.save import save_gif
from fastheat.summary import GifSummary
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
__version__ = "0.1.0"


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
