"""The examples of docs/library.md, run in the order of the page; and what the docs say of installing."""

import inspect

import pytest

from battle import run_scenario
from tests.docs.pages import DOCS, PAGES, blocks, name_of

PAGE = DOCS / "library.md"


def test_the_examples_do_what_the_page_says(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for block in blocks(PAGE, "python"):
        exec(compile(block, str(PAGE), "exec"), names)
    assert capsys.readouterr().out.startswith("PASS 2")
    assert len([path for path in (tmp_path / "runs").iterdir() if not path.is_symlink()]) == 3


def test_every_argument_is_on_the_page():
    for name in inspect.signature(run_scenario).parameters:
        assert f"| `{name}` |" in PAGE.read_text()


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_nobody_is_told_to_install_what_is_not_ours(page):
    """The name `battle` belongs to another project in the package index."""
    for line in page.read_text().splitlines():
        words = line.split()
        if "pip" in words and "install" in words:
            assert "battle" not in words, line
