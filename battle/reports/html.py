"""A report as one self-contained HTML file: no script, no network, dark or light as the reader likes."""

from pathlib import Path

import jinja2

from battle.reports.document import Block, Code, Document, Table

_TEMPLATES = Path(__file__).parent / "templates"


def render_html(document: Document) -> str:
    """The document as an HTML page. Everything in it is escaped by the template engine."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    template = environment.get_template("report.html.j2")
    style = (_TEMPLATES / "report.css").read_text()
    return template.render(document=document, style=style, kind_of=_kind_of)


def _kind_of(block: Block) -> str:
    return "table" if isinstance(block, Table) else "code" if isinstance(block, Code) else "paragraph"
