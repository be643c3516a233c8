"""The plot of time against the number of workbooks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

#: Colours that stay apart for colour-blind readers (Okabe and Ito), and a mark each for print without colour.
_LOOKS = (("#0072B2", "o"), ("#D55E00", "s"), ("#E69F00", "^"), ("#555555", "x"))


def draw(seconds: Mapping[str, Mapping[int, float]], path: Path) -> None:
    """
    Draw a line for each contender, both axes logarithmic, and save it as PNG.

    Args:
        seconds: Wall time by contender and number of workbooks.
        path: Where the picture goes.
    """
    with mpl.rc_context({"font.size": 10, "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=(7.2, 4.5), layout="constrained")
        axes = figure.add_subplot(xscale="log", yscale="log")
        for (contender, points), (colour, mark) in zip(seconds.items(), _LOOKS, strict=False):
            axes.plot(list(points), list(points.values()), color=colour, marker=mark, label=contender)
            last = max(points)
            axes.annotate(_seconds(points[last]), (last, points[last]), (7, -3), textcoords="offset points")
        counts = sorted({count for points in seconds.values() for count in points})
        axes.set_xticks(counts, [f"{count:,}" for count in counts])
        axes.minorticks_off()
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _seconds(value)))
        axes.set_xlabel("workbooks of 60 rows, a batch each")
        axes.set_ylabel("wall time")
        axes.grid(color="#dddddd")
        axes.legend(frameon=False)
        figure.savefig(path, dpi=150)


def _seconds(value: float) -> str:
    return f"{value:,.3g} s" if value < 1000 else f"{value:,.0f} s"
