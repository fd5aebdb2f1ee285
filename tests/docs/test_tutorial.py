"""What the tutorial shows is what its commands print, when one does what it says."""

import re

import pytest

from tests.docs.pages import DOCS, blocks
from tools.docs.printed import CUT, commands, printed

pytestmark = pytest.mark.whole

TEXT = (DOCS / "tutorial.md").read_text()


def test_the_tutorial_prints_what_it_shows():
    assert printed(TEXT) == TEXT, "docs/tutorial.md is out of date: run `make pages`"


def test_it_goes_from_pass_to_fail_to_inconclusive():
    shown = re.findall(r"^\$ battle run (\S+) --world simulated\n(\w+): ", TEXT, re.MULTILINE)
    assert shown == [
        ("calm.py", "PASS"),
        ("kill.py", "PASS"),
        ("broken.py", "FAIL"),
        ("idle.py", "INCONCLUSIVE"),
    ]
    assert len(commands(TEXT)) == len(blocks(DOCS / "tutorial.md", "console(?: first=\\d+)?"))
    assert f"\n{CUT}\n" in TEXT
