"""The page on adding a kind shows the files that `tests/extend/` adds and runs, as they are."""

import re

import pytest

from tests.docs.pages import DOCS, ROOT, blocks

PAGE = DOCS / "contributing" / "extending.md"
SECTIONS = dict(part.split("\n", 1) for part in PAGE.read_text().split("\n## ")[1:])
TOYS = {
    "A fault": "sleepy.py",
    "A fault of processes": "hiccup.py",
    "A fault of connections": "lost_packets.py",
    "A fault of subscriptions": "skipped_heads.py",
    "A kind of workload": "pairs.py",
    "A metric for SLOs": "max_slow_requests.py",
    "A section of the report": "slowest_methods.py",
    "A checker": "requests_are_quick.py",
}


def test_each_kind_has_its_heading_and_each_toy_is_shown():
    assert list(SECTIONS) == list(TOYS)
    assert set(TOYS.values()) == {path.name for path in (ROOT / "tests" / "extend" / "toys").glob("*.py")}
    assert len(blocks(PAGE, "python")) == len(TOYS)


@pytest.mark.parametrize("heading", TOYS)
def test_the_example_is_the_toy_and_its_folder_is_named(heading):
    toy = (ROOT / "tests" / "extend" / "toys" / TOYS[heading]).read_text()
    assert f"```python\n{toy}```\n" in SECTIONS[heading]
    folder = re.findall(r"this file in (\S+/)\.", toy)[0]
    assert (ROOT / folder).is_dir()
    assert f"`{folder}`" in SECTIONS[heading]


@pytest.mark.parametrize("heading", TOYS)
def test_a_run_with_the_toy_is_played(heading):
    played = (ROOT / "tests" / "extend" / "test_toys.py").read_text()
    assert re.search(rf'contribute\("{TOYS[heading]}", "\S+"\)', played)
