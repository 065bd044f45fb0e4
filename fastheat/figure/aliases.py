"""The names of options in other libraries, and the options that correspond to them here."""

from __future__ import annotations

from collections.abc import Iterable

from fastheat.layout.look import OPTIONS
from fastheat.messages import suggest

_ALWAYS = "what is always done"
_ORDER = "nothing: give rows and columns in the order in which to draw them"
_BAR = "cbar_label=, cbar_ticks=, cbar_format=, cbar_location=, cbar_shrink= and cbar_aspect="
_ENDS = "vmin= and vmax="
_PANELS = "an option of Panels"
_SCALED = "nothing: give values that are scaled"
_SAVED = "an option of save_gif"
_RECORDED = "an option of GifWriter"
_TIMED = "an option of save_gif and GifWriter"

# Options of matplotlib, seaborn, plotly, Pillow, imageio and the article's code, and options that
# only some of our functions have. The command line respells each "name=" as its own option.
_ELSEWHERE = {
    "alpha": "nothing: cells are opaque",
    "animation_frame": "the first axis of the frames",
    "annot_kws": "text_size= and textcolors=",
    "append_images": "the frames",
    "autoscale": _TIMED,
    "bbox_inches": _ALWAYS,
    "cbar_kws": _BAR,
    "clim": _ENDS,
    "color_continuous_midpoint": 'norm="centered" with center=',
    "col_cluster": _ORDER,
    "columns": _PANELS,
    "delay": "duration=",
    "duration": _TIMED,
    "every": "frames[::n], or an option of GifWriter",
    "executor": _SAVED,
    "extent": "nothing: give row_labels= and col_labels=",
    "fps": _TIMED,
    "framerate": "fps=",
    "halfrange": 'vmax= with norm="centered"',
    "hold": _TIMED,
    "interpolation": "nothing: cells have sharp edges",
    "interval": "duration=",
    "labels": "xlabel=, ylabel= and cbar_label=",
    "lines": _PANELS,
    "loop": _TIMED,
    "mode": _RECORDED,
    "optimize": _ALWAYS,
    "overhead": _RECORDED,
    "progress": _SAVED,
    "queue_bytes": _RECORDED,
    "range_color": _ENDS,
    "repeat": "loop=",
    "repeat_delay": "hold=",
    "row_cluster": _ORDER,
    "save_all": _ALWAYS,
    "share_cbar": _PANELS,
    "share_range": _PANELS,
    "steps": "frames[::n], or an option of GifWriter",
    "standard_scale": _SCALED,
    "sync": _RECORDED,
    "tensor": _SAVED,
    "titles": 'an option of save_gif; of GifWriter it is title="step {step}"',
    "transparent": 'background="none"',
    "when_full": _RECORDED,
    "workers": _SAVED,
    "z_score": _SCALED,
    "zmid": 'norm="centered" with center=',
}


def elsewhere(name: str) -> str:
    """Return a hint such as "; here it is cmap=" for an option of another library, or ""."""
    own = {other: f"{name}=" for name, row in OPTIONS.items() for other in row.also.split()}
    here = (own | _ELSEWHERE).get(name)
    return f"; here it is {here}" if here else ""


def hint(name: str, known: Iterable[str]) -> str:
    """Return a hint at the option that corresponds to an unknown one, or at the nearest name."""
    return elsewhere(name) or suggest(name, known)
