"""Animated heatmaps of weight matrices, straight to GIF."""

from fastheat.heatmap import Heatmap
from fastheat.indexed import save_indexed_gif
from fastheat.save import GifSummary, save_gif
from fastheat.sources import load_frames

__all__ = ["GifSummary", "Heatmap", "load_frames", "save_gif", "save_indexed_gif"]
__version__ = "0.1.0"
