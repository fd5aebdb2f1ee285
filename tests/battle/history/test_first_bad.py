"""`battle bisect`, with runs that a small program stands in for; whole ones are in `test_whole_bisect.py`."""

import json
import math
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from battle.analysis.findings import EXIT_STATUS, Verdict
from battle.cli.app import run_command_line
from battle.errors import BattleError
from battle.history import commit_runs, repository, run_row
from battle.history.row import HistoryMetric, HistoryRow
from battle.store.helper_process import Ended
from tests.battle.history.repositories import Scratch


def stand_in(command, *, directory, environ, seconds) -> Ended:
    """How a run ends: its scenario has what that shows, a word for each seed."""
    words = dict(zip(command[-8::2], command[-7::2], strict=False))
    scenario, seed, out = directory / command[5], int(words["--seed"]), Path(words["--out"])
    if not scenario.exists():
        return Ended(2, b"", f"battle: {command[5]} does not exist\n".encode())
    texts = scenario.read_text().split()
    shown = texts[min(seed, len(texts)) - 1]
    match shown:
        case "broken":
            return Ended(2, b"", b"Traceback ...\nbattle: the scenario is wrong\n")
        case "killed":
            return Ended(-9, b"", b"")
        case "hangs":
            raise TimeoutError
    run = out / f"run-{seed}"
    run.mkdir(parents=True)
    (run / "shown").write_text(shown)
    (run / "environment").write_text(json.dumps({**environ, "DIRECTORY": str(directory)}))
    verdict: Verdict = next((one for one in EXIT_STATUS if one == shown), "INCONCLUSIVE")
    report = {"run": {"run_id": run.name}, "verdict": verdict, "reasons": [f"{shown} of {command[5]}"]}
    return Ended(EXIT_STATUS[verdict], json.dumps(report).encode(), b"")


def shown_row(run_dir: Path) -> HistoryRow:
    """The row of a run of the stand-in."""
    shown = (run_dir / "shown").read_text()
    value = None if shown in ("never", "nothing") else float(shown.removesuffix("?"))
    metric = HistoryMetric(name="p95_latency_ms", value=value, never=shown == "never")
    row = HistoryRow(run_id="", scenario="", world="", gateway="", verdict="PASS", metrics=(metric,))
    return msgspec.structs.replace(row, distrusted=("a busy machine",)) if shown.endswith("?") else row


@pytest.fixture
def scratch(tmp_path, monkeypatch) -> Iterator[Scratch]:
    """A repository, in whose top the command is given. No worktree and no temporary directory may stay."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    monkeypatch.setattr(commit_runs, "outcome_of", stand_in)
    monkeypatch.setattr(run_row, "read_row", shown_row)
    made = Scratch(tmp_path / "repository")
    monkeypatch.chdir(made.top)
    yield made
    assert list((tmp_path / "tmp").iterdir()) == []
    assert not list((made.top / ".git" / "worktrees").glob("*"))


def bisect(capsys, *words: str, status: int = 0):
    assert run_command_line(["bisect", *words, "--json"]) == status, capsys.readouterr().err
    return json.loads(capsys.readouterr().out)


def refused(capsys, *words: str) -> str:
    """What is said of a wrong use: one sentence, after the progress."""
    assert run_command_line(["bisect", *words]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("battle: ") == 1
    return said.err.splitlines()[-1].removeprefix("battle: ")


def test_the_planted_commit_among_sixteen_is_named(scratch, capsys):
    commits = scratch.line(*["PASS"] * 11, *["FAIL"] * 6)
    before = scratch.state()
    found = bisect(capsys, "s.toml", commits[0], "main")
    assert found["status"] == "found"
    assert found["first_bad"] == {
        "hash": commits[11],
        "author": "Ada",
        "date": "2026-11-20T10:00:00+01:00",
        "subject": "change 11",
    }
    assert found["reason"] == "FAIL of s.toml"
    assert (found["commits"], found["runs"]) == (16, 6)
    assert scratch.state() == before
    kept = [Path(run) for one in found["tested"] for run in one["runs"]]
    assert len(kept) == 6
    assert {run.parents[1] for run in kept} == {scratch.top / found["directory"]}


def test_the_answer_for_people_names_the_commit_and_how_to_see_it(scratch, capsys):
    commits = scratch.line("PASS", "FAIL")
    assert run_command_line(["bisect", "s.toml", commits[0], commits[1]]) == 0
    said = capsys.readouterr()
    assert said.out.splitlines()[:5] == [
        f"The first bad commit is {commits[1]}.",
        "  author   Ada",
        "  date     2026-11-20T10:00:00+01:00",
        "  subject  change 1",
        "  reason   FAIL of s.toml",
    ]
    assert "2 runs, 1 commit between GOOD and BAD" in said.out
    place = f"../repository-{commits[1][:10]}"
    assert (
        f"reproduce  git worktree add --detach {place} {commits[1]} && cd {place} && "
        "battle run s.toml --world simulated --seed 1\n"
    ) in said.out
    assert "testing BAD" in said.err


def test_a_dirty_checkout_and_its_stash_stay_as_they_are(scratch, capsys):
    commits = scratch.line("PASS", "FAIL", "FAIL")
    (scratch.top / "s.toml").write_text("stashed")
    scratch.git("stash")
    (scratch.top / "s.toml").write_text("broken")
    (scratch.top / "added").write_text("")
    scratch.git("add", "added")
    before = scratch.state()
    assert bisect(capsys, "s.toml", commits[0], "HEAD")["first_bad"]["hash"] == commits[1]
    assert scratch.state() == before


def test_no_hook_of_the_repository_runs(scratch, capsys, tmp_path):
    commits = scratch.line("PASS", "FAIL")
    for name in ("post-checkout", "post-index-change", "reference-transaction"):
        hook = scratch.top / ".git" / "hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/hook\n")
        hook.chmod(0o755)
    bisect(capsys, "s.toml", commits[0], "HEAD")
    assert not (tmp_path / "hook").exists()


def test_from_within_a_hook_it_works_on_the_worktrees(scratch, capsys, monkeypatch):
    commits = scratch.line("PASS", "PASS", "FAIL", "FAIL")
    monkeypatch.setenv("GIT_DIR", str(scratch.top / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(scratch.top / ".git" / "index"))
    before = scratch.state()
    assert bisect(capsys, "s.toml", commits[0], "HEAD")["first_bad"]["hash"] == commits[2]
    assert scratch.state() == before


def test_what_cannot_run_is_skipped_and_said(scratch, capsys):
    shown = ["PASS", "PASS", "PASS", "broken", "", "INCONCLUSIVE", "killed", "PASS", "FAIL", "FAIL"]
    commits = scratch.line(*shown)
    found = bisect(capsys, "s.toml", commits[0], "HEAD")
    assert found["first_bad"]["hash"] == commits[8]
    why = {one["commit"]["hash"]: one["why"] for one in found["skipped"]}
    said = {
        commits[3]: "the scenario is wrong",
        commits[4]: "s.toml does not exist",
        commits[5]: "its verdict is INCONCLUSIVE: INCONCLUSIVE of s.toml",
        commits[6]: "its run was ended by signal 9",
    }
    assert why
    assert why.items() <= said.items()


@pytest.mark.parametrize(
    ("shown", "why"),
    [
        ("broken", "the scenario is wrong"),
        ("", "s.toml does not exist"),
        ("INCONCLUSIVE", "its verdict is INCONCLUSIVE: INCONCLUSIVE of s.toml"),
        ("killed", "its run was ended by signal 9"),
        ("hangs", "its run takes longer than 900 s"),
    ],
)
def test_what_hides_the_first_bad_commit_is_named_with_the_candidates(scratch, capsys, shown, why):
    commits = scratch.line("PASS", "PASS", shown, "FAIL", "FAIL")
    found = bisect(capsys, "s.toml", commits[0], "HEAD", status=3)
    assert (found["status"], found["first_bad"]) == ("undecided", None)
    assert [one["hash"] for one in found["candidates"]] == commits[2:4]
    assert [(one["commit"]["hash"], one["why"]) for one in found["skipped"]] == [(commits[2], why)]


def test_the_candidates_are_said_for_people_too(scratch, capsys):
    commits = scratch.line("PASS", "broken", "FAIL")
    assert run_command_line(["bisect", "s.toml", commits[0], "HEAD"]) == 3
    said = capsys.readouterr().out
    assert said.startswith("The first bad commit is one of these 2, because some cannot be judged:\n")
    assert f"skipped {commits[1][:10]} change 1: the scenario is wrong\n" in said


def test_the_first_seed_that_fails_decides(scratch, capsys):
    commits = scratch.line("PASS PASS PASS", "PASS", "PASS FAIL PASS", "FAIL PASS PASS")
    assert bisect(capsys, "s.toml", commits[0], "HEAD")["first_bad"]["hash"] == commits[3]
    found = bisect(capsys, "s.toml", commits[0], "HEAD", "--seeds", "3")
    assert (found["first_bad"]["hash"], found["seed"]) == (commits[2], 2)
    assert found["reproduce"].endswith("--seed 2")
    assert found["runs"] == 3 + 1 + 3 + 2


def test_a_metric_is_searched_for_where_it_became_worse(scratch, capsys):
    commits = scratch.line("10", "10.5", "12", "19", "31", "30", "29")
    metric = ("--metric", "p95_latency_ms")
    found = bisect(capsys, "s.toml", commits[0], "HEAD", *metric)
    assert found["first_bad"]["hash"] == commits[4]
    assert (found["before"], found["after"]) == (19, 31)
    assert found["reason"] == "p95_latency_ms 19 ms -> 31 ms"
    found = bisect(capsys, "s.toml", commits[0], commits[2], *metric, "--threshold", "0.15")
    assert found["first_bad"]["hash"] == commits[2]


def test_a_metric_is_the_median_of_the_seeds_and_may_be_never_reached(scratch, capsys):
    commits = scratch.line("10 10 90", "10 11 never", "10 never never", "never")
    found = bisect(capsys, "s.toml", commits[0], "HEAD", "--metric", "p95_latency_ms", "--seeds", "3")
    assert found["first_bad"]["hash"] == commits[2]
    assert (found["before"], found["after"]) == (11, None)
    assert found["reason"] == "p95_latency_ms 11 ms -> never"
    assert not math.isinf(found["runs"])


def test_the_metric_may_be_that_of_one_workload(scratch, capsys, monkeypatch):
    def of_reads(run_dir: Path) -> HistoryRow:
        row = shown_row(run_dir)
        reads = msgspec.structs.replace(row.metrics[0], workload="reads")
        all_requests = HistoryMetric(name="p95_latency_ms", value=5.0)
        return msgspec.structs.replace(row, metrics=(all_requests, reads))

    monkeypatch.setattr(run_row, "read_row", of_reads)
    commits = scratch.line("10", "10", "40", "40")
    of_workload = ("--metric", "p95_latency_ms", "--workload", "reads")
    found = bisect(capsys, "s.toml", commits[0], "HEAD", *of_workload)
    assert found["first_bad"]["hash"] == commits[2]


def test_what_measured_nothing_is_skipped(scratch, capsys):
    commits = scratch.line("10", "nothing", "40?", "40")
    found = bisect(capsys, "s.toml", commits[0], "HEAD", "--metric", "p95_latency_ms", status=3)
    assert {one["why"] for one in found["skipped"]} == {
        "its log does not show p95_latency_ms",
        "its measurement cannot be trusted: a busy machine",
    }


def test_a_merge_history_names_the_commit_of_the_side_branch(scratch, capsys):
    first = scratch.commit("first", s_toml="PASS")
    scratch.git("checkout", "-q", "-b", "side")
    scratch.commit("side 1", other_txt="1")
    planted = scratch.commit("side 2", s_toml="FAIL")
    scratch.commit("side 3", other_txt="3")
    scratch.git("checkout", "-q", "main")
    for number in range(6):
        scratch.commit(f"main {number}", more_txt=str(number))
    scratch.git("merge", "-q", "--no-edit", "side")
    found = bisect(capsys, "s.toml", first, "HEAD")
    assert (found["first_bad"]["hash"], found["commits"]) == (planted, 10)
    assert found["runs"] <= 6


def test_from_a_directory_below_the_top_its_own_files_are_run(scratch, capsys, monkeypatch):
    commits = [scratch.commit("without", keep="")]
    commits += [scratch.commit(text, below__s_toml=text) for text in ("PASS", "FAIL", "FAIL")]
    monkeypatch.chdir(scratch.top / "below")
    for place in ("s.toml", str(scratch.top / "below" / "s.toml"), "../below/s.toml"):
        found = bisect(capsys, place, commits[1], "HEAD")
        assert found["first_bad"]["hash"] == commits[2]
        assert "-C .. worktree add" in found["reproduce"]
    assert refused(capsys, "s.toml", commits[0], "HEAD").endswith(
        "cannot be judged: it has no directory below"
    )


def test_runs_see_the_modules_of_the_worktree_and_no_ci_job(scratch, capsys, monkeypatch, tmp_path):
    commits = scratch.line("PASS", "FAIL")
    monkeypatch.setenv("PYTHONPATH", f"{scratch.top}/lib:{tmp_path}/elsewhere")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    found = bisect(capsys, "s.toml", commits[0], "HEAD")
    seen = json.loads((Path(found["tested"][0]["runs"][0]) / "environment").read_text())
    assert seen["PYTHONPATH"] == f"{seen['DIRECTORY']}/lib:{tmp_path}/elsewhere"
    assert Path(seen["DIRECTORY"]).parent.parent == tmp_path / "tmp"
    assert "GITHUB_ACTIONS" not in seen


def test_in_a_checkout_of_battle_each_commit_runs_its_own(scratch, capsys, monkeypatch):
    commits = scratch.line("PASS", "FAIL")
    monkeypatch.setattr(commit_runs, "own_package", lambda: scratch.top / "battle")
    found = bisect(capsys, "s.toml", commits[0], "HEAD")
    seen = json.loads((Path(found["tested"][0]["runs"][0]) / "environment").read_text())
    assert seen["PYTHONPATH"] == seen["DIRECTORY"]


def test_own_package_is_that_of_this_battle():
    assert (commit_runs.own_package() / "history" / "commit_runs.py").samefile(commit_runs.__file__)


@pytest.mark.parametrize(
    ("good", "bad", "said"),
    [
        ("nothing", "main", "GOOD: there is no commit 'nothing' in the repository"),
        ("first", "nothing", "BAD: there is no commit 'nothing' in the repository"),
        ("main", "main", "GOOD and BAD are the same commit"),
        ("main", "first", "BAD is an ancestor of GOOD: exchange them"),
        ("side", "main", "GOOD must be an ancestor of BAD, and"),
    ],
)
def test_wrong_commits_are_one_sentence(scratch, capsys, good, bad, said):
    scratch.line("PASS", "FAIL")
    scratch.git("tag", "first", "HEAD^")
    scratch.git("checkout", "-q", "-b", "side", "first")
    scratch.commit("side")
    assert said in refused(capsys, "s.toml", good, bad)
    assert not (scratch.top / "battle_results" / "bisect").is_dir() or not list(
        (scratch.top / "battle_results" / "bisect").iterdir()
    )


@pytest.mark.parametrize(
    ("shown", "words", "said"),
    [
        (("FAIL", "FAIL"), (), "is not good: its verdict is FAIL: FAIL of s.toml; give an earlier one"),
        (("PASS", "PASS"), (), "is not bad: its verdict is PASS, as GOOD's"),
        (("broken", "FAIL"), (), "cannot be judged: the scenario is wrong"),
        (("PASS", "INCONCLUSIVE"), (), "cannot be judged: its verdict is INCONCLUSIVE"),
        (("PASS", ""), (), "cannot be judged: s.toml does not exist"),
        (
            ("10", "10.9"),
            ("--metric", "p95_latency_ms"),
            "is not bad: p95_latency_ms 10 ms -> 10.9 ms is not worse",
        ),
        (("never", "never"), ("--metric", "p95_latency_ms"), "p95_latency_ms was never reached in GOOD"),
        (("nothing", "10"), ("--metric", "p95_latency_ms"), "its log does not show p95_latency_ms"),
    ],
)
def test_ends_that_are_not_good_and_bad_are_one_sentence(scratch, capsys, shown, words, said):
    commits = scratch.line(*shown)
    assert said in refused(capsys, "s.toml", commits[0], "HEAD", *words)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--metric", "speed"), "there is no metric 'speed', it is one of success_rate, p50_latency_ms"),
        (("--threshold", "0.1"), "--threshold is of a metric: give --metric too"),
        (("--workload", "reads"), "--workload is of a metric: give --metric too"),
        (("--metric", "success_rate", "--threshold", "20"), "--threshold is a share above 0 and up to 1"),
        (("--metric", "success_rate", "--threshold", "nan"), "--threshold is a share above 0 and up to 1"),
        (("--seeds", "0"), "--seeds is a number from 1 to 100, not 0"),
    ],
)
def test_wrong_options_are_one_sentence(scratch, capsys, words, said):
    assert said in refused(capsys, "s.toml", "a", "b", *words)


def test_outside_of_a_repository_is_one_sentence(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.chdir(tmp_path)
    assert "is in no checkout of a git repository" in refused(capsys, "s.toml", "a", "b")


def test_without_git_it_says_so(scratch, capsys, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert "git cannot be started, install it" in refused(capsys, "s.toml", "a", "b")


def test_too_many_commits_are_refused(scratch, monkeypatch):
    commits = scratch.line("PASS", "FAIL", "FAIL", "FAIL")
    monkeypatch.setattr(repository, "COMMITS_MAX", 2)
    found = repository.repository_of(scratch.top, {})
    with pytest.raises(BattleError, match="there are 3 commits between GOOD and BAD, of at most 2"):
        found.between(commits[0], commits[3])


def test_a_shallow_clone_is_named_as_the_reason(scratch, capsys, tmp_path, monkeypatch):
    commits = scratch.line("PASS", "FAIL", "FAIL")
    other = scratch.commit("other")
    scratch.git("clone", "-q", "--depth", "1", f"file://{scratch.top}", str(tmp_path / "clone"))
    monkeypatch.chdir(tmp_path / "clone")
    assert "there is no commit" in refused(capsys, "s.toml", commits[0], other)
