"""What others call an option, and what it is here."""

from __future__ import annotations

from collections.abc import Iterable

from fastheat.messages import suggest

_ALWAYS = "what is always done"
_ORDER = "nothing: give rows and columns in the order that they are to have"
_BAR = "cbar_label=, cbar_ticks=, cbar_format= and cbar_location="
_ENDS = "vmin= and vmax="
_PANELS = "an option of Panels"
_SCALED = "nothing: give values that are scaled"
_SAVED = "an option of save_gif"
_RECORDED = "an option of GifWriter"
_TIMED = "an option of save_gif and GifWriter"

# those of matplotlib, seaborn, plotly, Pillow, imageio and the article's code, and our own that
# others of our functions have; "name=" is an option here, which the command line spells its way
_ELSEWHERE = {
    "alpha": "nothing: cells are opaque",
    "animation_frame": "the first axis of the frames",
    "annot_kws": "text_size= and textcolors=",
    "append_images": "the frames",
    "aspect": "square=",
    "autoscale": _TIMED,
    "bbox_inches": _ALWAYS,
    "cbar_ax": "cbar_location=",
    "cbar_kws": _BAR,
    "cbar_visible": "cbar=",
    "cbarlabel": "cbar_label=",
    "clim": _ENDS,
    "color_continuous_midpoint": 'norm="centered" with center=',
    "color_continuous_scale": "cmap=",
    "col_cluster": _ORDER,
    "colorbar": "cbar=",
    "colorscale": "cmap=",
    "columns": _PANELS,
    "delay": "duration=",
    "duration": _TIMED,
    "edgecolor": "grid_color=",
    "edgecolors": "grid_color=",
    "every": "frames[::n], or an option of GifWriter",
    "executor": _SAVED,
    "extent": "nothing: give row_labels= and col_labels=",
    "facecolor": "background=",
    "fmt": "valfmt=",
    "fontfamily": "font=",
    "format": "cbar_format=",
    "fps": _TIMED,
    "framerate": "fps=",
    "height": "figsize=",
    "halfrange": 'vmax= with norm="centered"',
    "hold": _TIMED,
    "horizontalalignment": "ha=",
    "interpolation": "nothing: cells have sharp edges",
    "interval": "duration=",
    "labels": "xlabel=, ylabel= and cbar_label=",
    "linecolor": "grid_color=",
    "lines": _PANELS,
    "linewidth": "grid_width=",
    "linewidths": "grid_width=",
    "location": "cbar_location=",
    "loop": _TIMED,
    "mode": _RECORDED,
    "optimize": _ALWAYS,
    "orientation": "cbar_location=",
    "overhead": _RECORDED,
    "progress": _SAVED,
    "queue_bytes": _RECORDED,
    "range_color": _ENDS,
    "repeat": "loop=",
    "repeat_delay": "hold=",
    "rotation": "col_rotation=",
    "row_cluster": _ORDER,
    "save_all": _ALWAYS,
    "share_cbar": _PANELS,
    "share_range": _PANELS,
    "size": "text_size=",
    "steps": "frames[::n], or an option of GifWriter",
    "standard_scale": _SCALED,
    "suptitle": "title=",
    "sync": _RECORDED,
    "template": "style=",
    "tensor": _SAVED,
    "text_auto": "valfmt=",
    "ticks": "cbar_ticks=",
    "titles": 'an option of save_gif; of GifWriter it is title="step {step}"',
    "transparent": 'background="none"',
    "vcenter": "center=",
    "verticalalignment": "va=",
    "when_full": _RECORDED,
    "width": "figsize=",
    "workers": _SAVED,
    "x": "col_labels=",
    "xticklabels": "col_labels=",
    "y": "row_labels=",
    "yticklabels": "row_labels=",
    "z_score": _SCALED,
    "zmax": "vmax=",
    "zmid": 'norm="centered" with center=',
    "zmin": "vmin=",
}


def elsewhere(name: str) -> str:
    """Return what an option of others is here, "; here it is cmap=", or an empty string."""
    return f"; here it is {_ELSEWHERE[name]}" if name in _ELSEWHERE else ""


def hint(name: str, known: Iterable[str]) -> str:
    """Return what an unknown option is here, or the nearest of those that are known."""
    return elsewhere(name) or suggest(name, known)
