"""
The report's plots in a workbook: a table of what is drawn, and Excel's own chart beside it.

What is drawn is `importer.report.plots`' business.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from openpyxl.chart import BarChart, Reference
from openpyxl.chart.axis import ChartLines
from openpyxl.chart.shapes import GraphicalProperties
from openpyxl.drawing.line import LineProperties
from openpyxl.worksheet.worksheet import Worksheet

from importer.report.plots import Plot
from importer.workbook import looks

#: Rows that a chart covers, so that the next table starts below it.
CHART_ROWS: Final = 18
#: Where charts stand, to the right of the tables.
CHART_COLUMN: Final = "G"
_WIDTH_CM, _HEIGHT_CM = 19, 8.5

_COLOURS: Final = {
    "create": "2E8B57",
    "update": "2B6CB0",
    "move": "8456B3",
    "delete": "C2402B",
    "fine": "2E8B57",
    "limited": "B7791F",
    "failed": "C2402B",
    "lost": "6B7680",
    "read": "4F7F90",
    "send": "2B6CB0",
    "flight": "4F7F90",
    "held": "B7791F",
}


def table_of(plot: Plot) -> Iterator[tuple[str | float, ...]]:
    """Return a plot as rows: title, words, names of the columns, values; and room for the chart."""
    yield (plot.title,)
    yield (plot.words,)
    yield ("workbook" if plot.is_list else plot.x_title, *(word for _, word in plot.series))
    for label, values in plot.rows:
        yield (label, *(round(value, 3) for value in values))
    yield from [()] * max(CHART_ROWS - len(plot.rows) - 3, 1)


def add_chart(sheet: Worksheet, plot: Plot, row: int) -> None:
    """Add the chart of a table whose title stands in *row*."""
    chart = BarChart()
    chart.type = "bar" if plot.is_list else "col"
    chart.grouping, chart.overlap, chart.gapWidth = "stacked", 100, 30 if plot.is_list else 6
    chart.anchor = f"{CHART_COLUMN}{row}"
    chart.width, chart.height = _WIDTH_CM, _HEIGHT_CM
    chart.title = plot.title
    header, last = row + 2, row + 2 + len(plot.rows)
    chart.add_data(
        Reference(sheet, min_col=2, max_col=1 + len(plot.series), min_row=header, max_row=last),
        titles_from_data=True,
    )
    chart.set_categories(Reference(sheet, min_col=1, min_row=header + 1, max_row=last))
    for series, (look, _) in zip(chart.series, plot.series, strict=True):
        series.graphicalProperties.solidFill = _COLOURS[look]
    # openpyxl hides both axes unless told; and a list reads from the top down.
    chart.x_axis.delete = chart.y_axis.delete = False
    chart.x_axis.scaling.orientation = "maxMin" if plot.is_list else "minMax"
    chart.y_axis.title = plot.y_title or None
    chart.y_axis.majorGridlines = ChartLines(
        spPr=GraphicalProperties(ln=LineProperties(solidFill=looks.MIST))
    )
    chart.legend.position = "b"
    sheet.add_chart(chart)
