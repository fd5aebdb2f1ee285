"""Specs: the templates are what altair says, and everything in them is filled in."""

import json
import subprocess
import sys

import pytest

from battle.analysis.charts import grammar
from battle.analysis.charts.collect import EVERY_KIND
from battle.analysis.charts.palette import PAGE, PAPER
from battle.analysis.charts.vega import vega_lite
from tests.battle.analysis.charts.samples import ALL_KINDS, chart


@pytest.mark.parametrize("kind", ALL_KINDS)
def test_a_template_is_what_altair_makes(kind):
    file = grammar.SPECS / f"{kind}.json"
    assert json.loads(file.read_text()) == grammar.template(kind), (
        "run `python -m battle.analysis.charts.grammar`"
    )


def test_there_is_a_template_for_each_kind_and_no_other():
    assert sorted(path.stem for path in grammar.SPECS.glob("*.json")) == sorted(ALL_KINDS)


def strings(part):
    if isinstance(part, dict):
        yield from part
        part = list(part.values())
    if isinstance(part, list):
        for one in part:
            yield from strings(one)
    elif isinstance(part, str):
        yield part


@pytest.mark.parametrize("palette", [PAGE, PAPER], ids=["page", "paper"])
@pytest.mark.parametrize("kind", ALL_KINDS)
def test_nothing_is_left_to_fill_in(kind, palette):
    spec = vega_lite(chart(kind), palette)
    assert [text for text in strings(spec) if text.startswith("$") and text != "$schema"] == []
    assert spec["datasets"]["rows"][0] == chart(kind).rows[0]


def test_every_colour_of_a_page_is_in_its_style_sheet():
    style = (grammar.SPECS.parent.parent / "reports" / "templates" / "report.css").read_text()
    light, dark = style.split("@media screen and (prefers-color-scheme: dark)")
    for name in PAPER:
        assert f"--{name[1:]}:" in light
        assert f"--{name[1:]}:" in dark.partition("* {")[0]


def test_rows_stay_values_whatever_they_say():
    rows = ({"lane": "$accent", "t": 0.0, "end": 1.0, "faults": 1, "named": "datum['x']"},)
    spec = vega_lite(chart("fault_lanes", rows=rows), PAPER)
    assert spec["datasets"]["rows"] == list(rows)


def test_axes_say_when_time_is_virtual():
    for kind in EVERY_KIND:
        text = json.dumps(vega_lite(chart(kind, virtual=True), PAPER))
        assert ("simulated latency" in text) == ("latency" in text.replace("latency_over_time", ""))
    assert "simulated delay (ms)" in json.dumps(vega_lite(chart("head_delay_over_time", virtual=True)))


def test_lines_in_steps_have_a_last_step():
    rows = vega_lite(chart("latency_over_time"))["datasets"]["rows"]
    assert (rows[-1]["t"], rows[-1]["p50"]) == (10.0, rows[-2]["p50"])


def test_a_run_waits_for_neither_altair_nor_vl_convert():
    code = (
        "import sys, battle.run.record, battle.cli.report, battle.cli.charts; "
        "print('altair' in sys.modules, 'vl_convert' in sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "False False"
