"""A chart as a picture: SVG and PNG by vl-convert, which brings all it needs and asks no network."""

from typing import Any

from battle.analysis.charts.chart import Chart
from battle.analysis.charts.palette import PAPER
from battle.analysis.charts.vega import vega_lite

WIDTH = 760
"""In CSS pixels: as wide as a page of text."""

PNG_SCALE = 2.0
"""Pixels of a PNG to one of these, so that it is sharp in print and on fine screens."""

_NO_NETWORK: list[str] = []


def svg(chart: Chart) -> str:
    """The chart as an SVG image, on white."""
    import vl_convert  # starts a JavaScript engine: two seconds that only pictures are worth

    return str(vl_convert.vegalite_to_svg(_picture(chart), allowed_base_urls=_NO_NETWORK))


def png(chart: Chart) -> bytes:
    """The chart as a PNG image, on white."""
    import vl_convert

    return bytes(vl_convert.vegalite_to_png(_picture(chart), scale=PNG_SCALE, allowed_base_urls=_NO_NETWORK))


def _picture(chart: Chart) -> dict[str, Any]:
    spec = vega_lite(chart, PAPER)
    spec["config"]["background"] = PAPER["$paper"]
    return {**spec, "width": WIDTH, "title": chart.title, "padding": 12}
