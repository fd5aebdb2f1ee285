"""A report as one self-contained HTML file: no network, dark or light as the reader likes, whole without a script.

The page may run the two scripts that are in it and nothing else: its content security policy names them by their
hashes, and Vega evaluates its expressions with an interpreter. Charts are data in the page, escaped for `script`.
"""

import csv
import hashlib
import io
from base64 import b64encode
from functools import partial
from pathlib import Path

import msgspec
from markupsafe import Markup, escape

from battle.analysis.charts.chart import Chart
from battle.analysis.charts.runtime import runtime_script
from battle.analysis.charts.text import text_chart
from battle.analysis.charts.vega import vega_lite
from battle.analysis.omissions import Omission, Parts
from battle.analysis.reports.document import (
    Block,
    Code,
    Document,
    Drawing,
    Table,
    no_formula,
)
from battle.analysis.reports.page import page_templates

_TEMPLATES = Path(__file__).parent / "templates"

_JSON_ESCAPES = str.maketrans({char: f"\\u{ord(char):04x}" for char in ("<", ">", "&", "\u2028", "\u2029")})
"""JSON says the same with these, and then no `</script>`, `<!--` or line end can be in it."""


class _Drawn(msgspec.Struct, frozen=True):
    """A chart in the forms that a page has it in: for the script, as text, and for a spreadsheet."""

    spec: str
    text: str
    csv: str


def render_html(document: Document, parts: Parts | None = None) -> str:
    """The document as an HTML page. Everything in it is escaped by the template engine.

    A chart that cannot be drawn is named in its place, and `parts` remembers it.
    """
    parts = parts or Parts()
    environment = page_templates(_TEMPLATES)
    drawn = any(isinstance(block, Drawing) for section in document.sections for block in section.blocks)
    scripts = [*([runtime_script()] if drawn else []), (_TEMPLATES / "report.js").read_text()]
    environment.filters |= {"breakable": breakable, "drawn": partial(_drawn, parts=parts)}
    return environment.get_template("report.html.j2").render(
        document=document,
        style=(_TEMPLATES / "report.css").read_text(),
        scripts=scripts,
        policy=_policy(scripts),
        kind_of=_kind_of,
    )


def _drawn(chart: Chart, parts: Parts) -> _Drawn | Omission:
    def draw() -> _Drawn | Omission:
        return _Drawn(script_json(vega_lite(chart)), text_chart(chart), _csv(chart))

    return parts.make(f"the chart {chart.title!r}", draw, lambda omission: omission)


def breakable(text: str) -> Markup:
    """The text, escaped, with places where a narrow table may break a long name."""
    return Markup(str(escape(text)).replace("_", "_<wbr>"))


def script_json(value: object) -> str:
    """JSON that may stand in a `script` element, whatever the strings in it are."""
    return msgspec.json.encode(value).decode().translate(_JSON_ESCAPES)


def _policy(scripts: list[str]) -> str:
    """A content security policy: nothing from elsewhere, no script but these."""
    # The template puts each script on lines of its own, and the hash counts every character.
    hashes = " ".join(
        f"'sha256-{b64encode(hashlib.sha256(f'{chr(10)}{script}{chr(10)}'.encode()).digest()).decode()}'"
        for script in scripts
    )
    return f"default-src 'none'; style-src 'unsafe-inline'; script-src {hashes}; base-uri 'none'; form-action 'none'"


def _kind_of(block: Block) -> str:
    if isinstance(block, Drawing):
        return "chart" if isinstance(block.chart, Chart) else "absent"
    return "table" if isinstance(block, Table) else "code" if isinstance(block, Code) else "paragraph"


def _csv(chart: Chart) -> str:
    """The rows of a chart, for a spreadsheet."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(chart.rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: no_formula(value) for name, value in row.items()} for row in chart.rows)
    return text.getvalue()
