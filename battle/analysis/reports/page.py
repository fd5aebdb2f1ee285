"""Pages of HTML from templates: everything that is put into one is escaped, and nothing may be missing."""

from pathlib import Path

import jinja2


def page_templates(directory: Path) -> jinja2.Environment:
    """The templates for pages in a directory. What a template names and is not given raises jinja2.UndefinedError."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(directory),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
