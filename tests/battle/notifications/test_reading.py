"""What is read of runs and suites, and the verdicts that came before."""

import json
import shutil

import msgspec
import pytest

from battle.analysis.reports.files import FILES, write_reports
from battle.cli.subjects import subjects_of
from battle.errors import BattleError
from battle.history import store
from battle.notifications.reading import judged_run, judgements_below, previous_verdict
from tests.battle.analysis.reports.report_runs import golden_run
from tests.battle.history.rows import history_row


@pytest.fixture(scope="module")
def passed(tmp_path_factory):
    run_dir = golden_run(tmp_path_factory.mktemp("passed") / "golden", slo={"success_rate": 0.5})
    assert write_reports(run_dir).verdict == "PASS"
    return run_dir


@pytest.fixture
def run_dir(passed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return shutil.copytree(passed, tmp_path / "results" / "golden")


def with_fields(run_dir, name, *, verdict="FAIL", **run):
    """Another run beside it, with another report."""
    other = shutil.copytree(run_dir, run_dir.with_name(name))
    report = json.loads((other / FILES["json"]).read_text())
    report["verdict"] = verdict
    report["run"] |= {"run_id": name, **run}
    (other / FILES["json"]).write_text(json.dumps(report))
    return other


def recovered(run_dir, **more):
    (place,) = subjects_of([str(run_dir)], **more).places
    return place.subject.recovered


def test_a_lost_report_is_made_again_from_the_log(run_dir):
    before = judged_run(run_dir)
    (run_dir / FILES["json"]).write_text('{"schema_version": 1}')
    assert judged_run(run_dir) == before
    (run_dir / FILES["json"]).unlink()
    assert judged_run(run_dir) == before


def test_the_attempts_to_a_broken_provider_are_counted(run_dir):
    assert judged_run(run_dir).leaked == (("a", 3),)


def test_a_run_that_passes_after_one_that_did_not_is_a_recovery(run_dir):
    assert not recovered(run_dir)
    with_fields(run_dir, "before", started_at="2026-01-02T03:04:04Z")
    assert recovered(run_dir)
    with_fields(run_dir, "between", verdict="PASS", started_at="2026-01-02T04:04:04.5+01:00")
    assert not recovered(run_dir)


@pytest.mark.parametrize(
    "fields",
    [{"scenario": "other"}, {"world": "simulated"}, {"gateway": "x"}, {"started_at": "2027-01-01T00:00:00Z"}],
)
def test_only_an_earlier_run_of_the_same_counts(run_dir, fields):
    with_fields(run_dir, "before", **{"started_at": "2026-01-01T00:00:00Z"} | fields)
    assert not recovered(run_dir)


def test_junk_among_the_results_is_skipped(run_dir):
    for name, content in [("a", "{"), ("b", '{"verdict": "FAIL"}'), ("c", "")]:
        (run_dir.with_name(name)).mkdir()
        (run_dir.with_name(name) / FILES["json"]).write_text(content)
    with_fields(run_dir, "d", started_at="yesterday")
    (run_dir.with_name("latest")).symlink_to(run_dir.name)
    assert [one.run_id for one in judgements_below(run_dir.parent)] == ["golden"]
    assert previous_verdict([], judged_run(run_dir), None) is None


def test_the_history_knows_earlier_verdicts(run_dir, tmp_path):
    run = judged_run(run_dir)
    row = history_row(
        run_id="before", scenario=run.scenario, world=run.world, gateway=run.gateway, verdict="INCONCLUSIVE",
        started_at="2026-01-01T00:00:00Z",
    )  # fmt: skip
    store.add(tmp_path / "elsewhere", row)
    assert not recovered(run_dir)
    assert recovered(run_dir, history=tmp_path / "elsewhere")
    store.add(tmp_path / "battle_history", row)
    assert recovered(run_dir)
    with pytest.raises(BattleError):
        recovered(run_dir, history=tmp_path / "nowhere")


def suite_of(run_dir, *runs, verdict="PASS"):
    suite_dir = run_dir.parent / "suites" / "night"
    suite_dir.mkdir(parents=True)
    (suite_dir / "suite.json").write_bytes(msgspec.json.encode({
        "schema_version": 1, "suite_id": "night", "selection": "fast", "world": "live", "gateway": None, "seed": 1,
        "repeat": 1, "started_at": "2026-01-02T03:04:00+00:00", "interrupted": False, "verdict": verdict,
        "headline": "1 passed, in 1 s", "runs": runs,
    }))  # fmt: skip
    return suite_dir


def test_a_suite_has_its_runs_also_where_it_was_copied_to(run_dir, tmp_path):
    suite_of(
        run_dir,
        {"scenario": "x.py", "seed": 1, "status": "PASS", "directory": "../../golden"},
        {"scenario": "y.py", "seed": 1, "status": "crashed", "reasons": ["oh"]},
        {"scenario": "z.py", "seed": 1, "status": "FAIL", "reasons": ["lost"], "directory": "../../gone"},
        verdict="FAIL",
    )
    shutil.copytree(run_dir.parent, tmp_path / "copied")
    found = subjects_of(["night"], tmp_path / "copied")
    (place,) = found.places
    assert [(run.name, run.run_id, run.status) for run in place.subject.runs] == [
        ("x.py", "golden", "PASS"),
        ("y.py", None, "crashed"),
        ("z.py", "gone", "FAIL"),
    ]
    assert found.directories == {"golden": tmp_path / "copied" / "golden"}
    assert place.subject.runs[2].reasons == ("lost",)


def test_a_suite_recovers_when_one_of_its_runs_did_not_pass_before(run_dir):
    suite_dir = suite_of(
        run_dir, {"scenario": "x.py", "seed": 1, "status": "PASS", "directory": "../../golden"}
    )
    assert not recovered(suite_dir)
    with_fields(run_dir, "during", started_at="2026-01-02T03:04:01Z")  # of the suite itself
    assert not recovered(suite_dir)
    with_fields(run_dir, "before", started_at="2026-01-01T00:00:00Z")
    assert recovered(suite_dir)


def test_a_run_that_is_in_a_suite_too_is_there_once(run_dir):
    suite_dir = suite_of(
        run_dir, {"scenario": "x.py", "seed": 1, "status": "PASS", "directory": "../../golden"}
    )
    other = with_fields(run_dir, "other")
    for given in ([suite_dir, run_dir, other], [run_dir, other, suite_dir], [suite_dir, other, suite_dir]):
        found = subjects_of([str(one) for one in given], run_dir.parent)
        assert sorted(place.subject.id for place in found.places) == ["night", "other"]


def test_each_subject_is_there_once(run_dir):
    assert len(subjects_of(["golden", str(run_dir), "golden"], run_dir.parent).places) == 1
