"""What stands beside the code: licence, notices, changelog."""

import re
import tomllib

from battle.analysis.charts.runtime import BANNER
from tests.docs.pages import DOCS, ROOT
from tools.docs.picture import BYTES_MAX, PICTURE

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
NOTICES = (ROOT / "THIRD-PARTY-NOTICES.md").read_text()
CHANGELOG = (ROOT / "CHANGELOG.md").read_text()


def test_the_licence_is_the_one_that_the_package_states():
    text = (ROOT / "LICENSE").read_text()
    assert PROJECT["license"] == "Apache-2.0"
    assert "Apache License" in text
    assert "END OF TERMS AND CONDITIONS" in text
    for name in PROJECT["license-files"]:
        assert (ROOT / name).is_file()


def test_the_notices_have_all_that_a_report_holds():
    """By the comment at the head of the script in a report."""
    names = [*re.findall(r"vega[a-z-]*", BANNER.partition(": Copyright")[0]), "d3", "vl-convert"]
    assert "vega-embed" in names
    listed = NOTICES.lower()
    for name in names:
        assert name.replace("vega-interpreter", "interpreter") in listed, name
    for licence in re.findall(r"\| (BSD-3-Clause|ISC|MIT) \|", NOTICES):
        assert f"\n## {licence}\n" in NOTICES


def test_the_changelog_keeps_its_form():
    headings = re.findall(r"^##+ (.*)$", CHANGELOG, re.MULTILINE)
    assert headings[0] == "[Unreleased]"
    kinds = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    for heading in headings:
        assert heading in kinds or re.fullmatch(r"\[(Unreleased|\d+\.\d+\.\d+)\].*", heading), heading
    for version in CHANGELOG.split("\n## ")[1:]:
        own = re.findall(r"^### (.*)$", version, re.MULTILINE)
        assert len(own) == len(set(own)), "a kind of change stands there twice"


def test_no_entry_of_the_changelog_stands_there_twice():
    entries = re.findall(r"^- (.*)$", CHANGELOG, re.MULTILINE)
    begins = [" ".join(entry.split()[:6]) for entry in entries]
    assert len(begins) == len(set(begins))


def test_the_picture_of_the_report_is_small():
    assert PICTURE.is_relative_to(DOCS)
    assert 10_000 < PICTURE.stat().st_size <= BYTES_MAX
