"""The files a run's directory gets: their schema, that they are whole, and that the log alone makes them."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest

from battle.analysis.reports import schema as report_schema
from battle.analysis.reports.files import (
    FILES,
    read_report,
    render,
    write_reports,
    write_whole,
)
from battle.analysis.reports.schema import Report, json_schema
from battle.store.errors import LogError
from battle.store.events import Event
from battle.store.seal import seal
from tests.battle.analysis.reports.report_runs import SLO, golden_run
from tests.battle.histories import S, healthy, phases, request, write_run

SCHEMA_FILE = Path(report_schema.__file__).with_name("report.schema.json")


def contents(run_dir: Path) -> dict[str, bytes]:
    return {name: (run_dir / name).read_bytes() for name in FILES.values()}


def test_the_published_schema_is_the_structs(tmp_path: Path) -> None:
    regenerate = "python -m battle.analysis.reports.schema > battle/analysis/reports/report.schema.json"
    assert SCHEMA_FILE.read_text() == json_schema(), f"the schema changed: {regenerate}, and judge the diff"


@pytest.mark.parametrize("kind", ["golden", "idle fault", "empty"])
def test_report_json_follows_the_published_schema(tmp_path: Path, kind: str) -> None:
    if kind == "empty":
        run_dir = write_run(tmp_path / "run", {})
    else:
        run_dir = golden_run(tmp_path / "run", idle_fault=kind == "idle fault")
    report = write_reports(run_dir)
    text = (run_dir / "report.json").read_bytes()
    schema = json.loads(SCHEMA_FILE.read_text())
    jsonschema.validate(json.loads(text), schema)
    assert json.loads(text)["$schema"] == schema["$id"]
    assert msgspec.json.decode(text, type=Report) == report


def test_reports_rebuilt_from_the_log_alone_are_identical(tmp_path: Path) -> None:
    run_dir = golden_run(tmp_path / "run")
    write_reports(run_dir)
    first = contents(run_dir)
    for name in first:
        (run_dir / name).unlink()
    write_reports(run_dir)
    assert contents(run_dir) == first


def test_nothing_but_the_reports_is_added(tmp_path: Path) -> None:
    run_dir = golden_run(tmp_path / "run")
    before = {path.name for path in run_dir.iterdir()}
    write_reports(run_dir)
    assert {path.name for path in run_dir.iterdir()} - before == set(FILES.values())


def test_a_report_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    run_dir = golden_run(tmp_path / "run")
    write_reports(run_dir)
    first = contents(run_dir)
    (run_dir / ".report.md.tmp").mkdir()
    with pytest.raises(OSError, match="report"):
        write_reports(run_dir)
    assert contents(run_dir) == first


def test_facts_of_the_golden_run(tmp_path: Path) -> None:
    report = read_report(golden_run(tmp_path / "run"))
    assert (report.verdict, report.run.world, report.run.partial) == ("PASS", "live", False)
    assert (report.requests.total, report.requests.ok, report.requests.unknown) == (100, 99, 1)
    assert report.requests.answers == {"right": 98, "wrong": 0, "stale": 1, "none": 1}
    assert report.requests.sent_per_s == 10.0
    assert [slow.request_id for slow in report.failovers.slowest] == ["r31", "r32", "r30"]
    assert [(fault.fault_id, fault.effect_observed) for fault in report.faults] == [("flap-a.1", True)]
    assert {result.name for result in report.slos} == SLO.keys()


def test_what_the_simulated_world_cannot_measure_is_null(tmp_path: Path) -> None:
    report = read_report(golden_run(tmp_path / "run", world="simulated"))
    assert {node.rss_max_bytes for node in report.nodes} == {None}
    memory = next(result for result in report.slos if result.name == "max_memory_mb")
    assert (memory.status, memory.measured) == ("not_measured", None)
    assert report.verdict == "INCONCLUSIVE"


def test_a_run_that_was_killed_half_way_is_reported_as_partial(tmp_path: Path) -> None:
    requests: list[Event] = [request(1), request(2, S)]
    segments = {"coordinator": phases("started", "load_began"), "load-load.0": requests}
    run_dir = write_run(tmp_path / "run", segments, sealed=False, slo=SLO)
    report = write_reports(run_dir)
    assert (report.verdict, report.run.partial, report.requests.total) == ("INCONCLUSIVE", True, 2)
    assert "- PARTIAL: the run did not complete" in (run_dir / "report.md").read_text().splitlines()
    assert report.run.load_ns == S
    seal(run_dir)
    assert read_report(run_dir).run.partial


def test_a_run_without_a_header_is_reported_under_its_directory(tmp_path: Path) -> None:
    # Not sealed: a sealed log vouches for its header too, and is refused without it.
    run_dir = write_run(tmp_path / "run-17", healthy(), sealed=False)
    (run_dir / "run.json").unlink()
    report = read_report(run_dir)
    assert (report.run.run_id, report.run.world, report.verdict) == ("run-17", "unknown", "INCONCLUSIVE")


def test_an_slo_that_cannot_be_understood_is_an_error(tmp_path: Path) -> None:
    run_dir = write_run(tmp_path / "run", healthy(), slo={"p96_latency_ms": 3})
    with pytest.raises(LogError, match="p96"):
        read_report(run_dir)


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ({"gateway": {"name": "haproxy"}}, "haproxy"),
        ({"gateway": {"type": "embedded"}}, "embedded"),
        ({"gateway": 7}, "unknown"),
    ],
)
def test_the_gateways_name_is_found(tmp_path: Path, header: dict[str, Any], name: str) -> None:
    assert read_report(write_run(tmp_path / "run", healthy(), **header)).run.gateway == name


def test_every_format_can_be_rendered(tmp_path: Path) -> None:
    report = read_report(golden_run(tmp_path / "run"))
    for form in FILES:
        assert render(report, form).endswith("\n")


def test_a_file_that_cannot_be_put_in_its_place_leaves_no_draft(tmp_path):
    (tmp_path / "report.md").mkdir()
    with pytest.raises(IsADirectoryError):
        write_whole(tmp_path / "report.md", "text")
    assert [path.name for path in tmp_path.iterdir()] == ["report.md"]
