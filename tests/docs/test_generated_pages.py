"""The generated pages are what the code says now; after a change of the code, `make pages` makes them anew."""

import inspect
import re
import sys
from typing import get_args

import msgspec
import pytest

import battle
from battle.actors.spec.faults.schedule import ChaosEntry, Fault
from battle.actors.spec.workloads import Workload
from battle.scenario.slo.targets import Targets
from tests.docs.pages import DOCS
from tools import docs
from tools.docs import fault_rules, targets
from tools.docs.structs import fields_of


@pytest.mark.parametrize("page", docs.PAGES)
def test_a_generated_page_is_up_to_date(page):
    assert (DOCS / page).read_text() == docs.PAGES[page](), f"docs/{page} is out of date: run `make pages`"


def test_the_view_of_fault_rules_is_what_the_faults_say():
    written = fault_rules.PATH.read_text()
    assert written == fault_rules.fault_rules(), "fault_rules.sql is out of date: run `make pages`"
    assert written.count("\n    ('") == len(get_args(Fault))


def test_a_type_checker_sees_the_targets_that_there_are():
    assert targets.PATH.read_text() == targets.targets_stub(), "targets.pyi is out of date: run `make pages`"
    seen = re.findall(r"^    (\w+): ", targets.PATH.read_text(), re.MULTILINE)
    assert seen == [field.name for field in msgspec.structs.fields(Targets)]


def test_a_views_header_gives_prose_and_columns():
    sql = "-- Who?\n--\n-- Prose of some\n-- lines.\n--\n-- a, b\n-- took_ns from here\n--         to there\nCREATE"
    prose, meanings = docs.read_header(sql, {"a", "b", "took_ns"})
    assert prose == ["Who?", "", "Prose of some", "lines.", ""]
    assert meanings == {"a": "", "b": "", "took_ns": "from here to there"}


def test_a_reference_page_holds_every_struct_and_word():
    text = docs.scenario_page()
    for name in (
        "Scenario",
        "MockProvider",
        "LogNormal",
        "Breaker",
        "UrlGateway",
        "HttpPoisson",
        "Slo",
    ):
        assert f"## {name}\n" in text
    for name in ("Duration", "FailureKind", "LatencyModel", "Strategy"):
        assert f"**{name}** = " in text
    assert "(faults.md#degrade)" in text
    assert "| `timeout` | `Duration` | 10 s | Counted from the moment a request was due. |" in text


@pytest.fixture(scope="module")
def faults_page():
    return docs.faults_page()


def test_a_union_is_shown_as_the_names_that_can_be_written(faults_page):
    shown = {"Fault": faults_page, "ChaosEntry": docs.scenario_page(), "Workload": docs.scenario_page()}
    for alias, union in (("Fault", Fault), ("ChaosEntry", ChaosEntry), ("Workload", Workload)):
        (names,) = re.findall(rf"^\*\*{alias}\*\* = `(.*)`$", shown[alias], re.MULTILINE)
        assert names.split(" | ") == [kind.__name__ for kind in get_args(union)]
        assert all(hasattr(battle, name) for name in names.split(" | "))


@pytest.mark.parametrize("kind", get_args(ChaosEntry), ids=lambda kind: kind.__name__)
def test_a_fault_is_documented_with_each_of_its_parameters(faults_page, kind):
    section = faults_page.partition(f"### {kind.__name__}\n")[2].partition("\n### ")[0]
    explained = inspect.getdoc(kind) or ""
    assert explained.splitlines()[0] in section
    assert explained != inspect.getdoc(kind.__base__), "it has no docstring of its own"
    words = explained + (inspect.getdoc(sys.modules[kind.__module__]) or "")
    for field in fields_of(kind):
        assert f"| `{field.name}` | " in section
        assert field.meaning or f"`{field.name}`" in words, f"nothing explains {kind.__name__}.{field.name}"


def test_the_groups_of_the_faults_page_are_in_order(faults_page):
    headings = [line for line in faults_page.splitlines() if line.startswith("## ")]
    assert headings[:4] == [f"## {group}" for group in ("Processes", "Behaviour", "Transport", "WebSocket")]
    assert headings[-3:] == ["## Schedules", "## Failures by name", "## Words used above"]


def test_options_are_written_as_one_types_them():
    flags = re.findall(r"`(--[^ `]+)", (DOCS / "commands.md").read_text())
    assert "--slo-file" in flags
    assert not [flag for flag in flags if "_" in flag]
