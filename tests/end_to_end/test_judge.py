"""`battle judge`: an old run, judged again by its own SLOs or by others, from its log alone."""

import hashlib
import json
import shutil
from pathlib import Path

import msgspec
import pytest

from battle import Phase, Slo, run_scenario, seconds
from battle.cli.app import run_command_line
from tests.end_to_end.battles import failover
from tests.headers import replace_header


@pytest.fixture(scope="module")
def out(tmp_path_factory) -> Path:
    """A directory with one run in it."""
    out = tmp_path_factory.mktemp("judged")
    slos = [
        Slo(success_rate=0.99),
        "p95_latency_ms < 300 during fault grace 2s",
        "p50_latency_ms < 15 before faults",
        "min_failovers >= 1 during fault flap a",
        "success_rate >= 99% in end method eth_getBalance",
        Slo.sql("orphans", "SELECT count(*) FROM attempts WHERE request_id IS NULL", "<= 0"),
    ]
    phases = [Phase("end", at=seconds(10), duration=seconds(2))]
    result = run_scenario(failover(slo=slos, phases=phases), world="simulated", out=out)
    assert result.report.verdict == "PASS", result.report.reasons
    return out


def judge(out: Path, *arguments: str) -> int:
    return run_command_line(["judge", "latest", "--out", str(out), *arguments])


def contents(out: Path) -> dict[str, str]:
    paths = [path for path in (out / "latest").resolve().rglob("*") if path.is_file()]
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def test_without_demands_a_run_is_judged_by_its_own(out, capsys):
    before = contents(out)
    assert judge(out, "--json") == 0
    assert json.loads(capsys.readouterr().out) == json.loads((out / "latest" / "report.json").read_text())
    assert judge(out) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("PASS: OK to ship")
    for title in (
        "p95_latency_ms during faults with 2 s of grace",
        "min_failovers during fault flap a",
        "success_rate in phase end of method eth_getBalance",
        "orphans",
    ):
        assert f"\n{title}  " in printed
    assert contents(out) == before


@pytest.mark.parametrize(
    ("texts", "status", "said"),
    [
        (["p95_latency_ms < 300", "success_rate >= 99%"], 0, "2 of 2 SLOs met."),
        (["p95_latency_ms < 5 during fault"], 1, "p95_latency_ms during faults was missed: 20."),
        (["max_memory_mb <= 5"], 3, "max_memory_mb was not measured"),
        (["success_rate >= 1% for workload main method eth_getBalance in end"], 0, "1 of 1 SLO met."),
        (
            ["success_rate >= 1% after fault flap a grace 1h"],
            3,
            "no request after fault flap a with 60 min of grace was due",
        ),
    ],
)
def test_other_demands_replace_them(out, capsys, texts, status, said):
    before = contents(out)
    assert judge(out, *(word for text in texts for word in ("--slo", text))) == status
    printed = capsys.readouterr().out
    assert said in printed
    assert "orphans" not in printed
    assert contents(out) == before


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("for workload nope", "there is no workload named 'nope'; the workloads are: main"),
        ("method eth_nope", "no workload calls 'eth_nope'; the methods are: eth_blockNumber, eth_getBalance"),
        (
            "in lunch",
            'when is "run", "before", "during", "after" or a phase, not \'lunch\'; the phases: end',
        ),
        ("during fault kill a", "no planned fault is 'kill a'; those planned: flap a"),
    ],
)
def test_what_the_run_does_not_have_is_wrong_use(out, capsys, tmp_path, text, why):
    assert judge(out, "--slo", f"success_rate >= 1% {text}") == 2
    assert capsys.readouterr() == ("", f"battle: slo: {why}\n")
    (tmp_path / "slos.json").write_bytes(msgspec.json.encode([f"success_rate >= 1% {text}"]))
    assert judge(out, "--slo-file", str(tmp_path / "slos.json"), "--write") == 2
    assert not (out / "latest" / "judged").exists()


def test_a_run_that_does_not_say_what_it_had_is_judged(out, capsys, tmp_path):
    """Its header is of a version with other words: nobody knows, so nothing is refused."""
    shutil.copytree((out / "latest").resolve(), tmp_path / "other")
    replace_header(tmp_path / "other", {"scenario": {"name": "x", "loads": []}})
    arguments = ["--out", str(tmp_path), "--slo", "success_rate >= 1% for workload nope"]
    assert run_command_line(["judge", "other", *arguments]) == 3
    assert "workload nope: success_rate was not measured" in capsys.readouterr().out


def test_a_sealed_run_whose_header_is_lost_is_refused(out, capsys, tmp_path):
    """The log vouches for the header it was sealed with; without it nobody knows what the numbers are of."""
    shutil.copytree((out / "latest").resolve(), tmp_path / "lost")
    (tmp_path / "lost" / "run.json").unlink()
    assert run_command_line(["judge", "lost", "--out", str(tmp_path)]) == 2
    assert f"{tmp_path / 'lost' / 'run.json'} is missing" in capsys.readouterr().err


def test_demands_come_from_a_file_too(out, capsys, tmp_path):
    toml, yaml = tmp_path / "slos.toml", tmp_path / "slos.yaml"
    toml.write_text(
        'slo = ["success_rate >= 99%", { p95_latency_ms = 300, when = "during", grace = "2s" }]\n'
        "[workload_slos.main]\nsuccess_rate = 0.5\n"
    )
    yaml.write_text("- success_rate >= 99%\n- queries: [{name: mine, query: SELECT 1, limit: < 1}]\n")
    assert judge(out, "--slo-file", str(toml), "--slo", "min_failovers > 0") == 0
    assert "4 of 4 SLOs met." in capsys.readouterr().out
    assert judge(out, "--slo-file", str(yaml)) == 1
    assert "mine was missed: 1 (target < 1)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (
            ["--slo", "p95 < 3"],
            """battle: --slo: 'p95 < 3', at "p95" (character 1): there is no such SLO""",
        ),
        (["--slo", "success_rate >= 7"], "battle: slo: success_rate is a share above 0 and at most 1, not 7"),
        (["--slo-file", "missing.toml"], "battle: missing.toml cannot be read"),
        (["--slo-file", "slos.ini"], "battle: slos.ini: a data file ends in .toml"),
    ],
)
def test_a_mistake_is_one_sentence(out, capsys, arguments, why):
    assert judge(out, *arguments) == 2
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert said.err.startswith(why)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{}", "contains no SLO"),
        ('{"slos": []}', "slos.json: line 1: unknown field `slos` in SloFile: did you mean `slo`?"),
        (
            '{"slo": [{"queries": [{"name": "x", "query": "SELEC 1", "limit": "< 1"}]}]}',
            "its SQL cannot be used",
        ),
    ],
)
def test_a_wrong_file_is_one_sentence(out, capsys, tmp_path, text, why):
    (tmp_path / "slos.json").write_text(text)
    assert judge(out, "--slo-file", str(tmp_path / "slos.json")) == 2
    assert why in capsys.readouterr().err


def test_only_with_write_is_anything_written_and_never_over_the_runs_own(out, capsys):
    before = contents(out)
    assert judge(out, "--slo", "p95_latency_ms < 5", "--write") == 1
    assert capsys.readouterr().out.startswith("FAIL")
    after = contents(out)
    assert {path: after[path] for path in before} == before
    written = (out / "latest").resolve() / "judged"
    assert {Path(path).parent for path in after.keys() - before.keys()} == {written}
    assert json.loads((written / "report.json").read_text())["verdict"] == "FAIL"


def test_a_run_of_an_older_version_can_be_judged(tmp_path, capsys):
    """Its header knows SLOs by name alone, and neither phases nor healing."""
    result = run_scenario(failover(), world="simulated", out=tmp_path)
    header = json.loads((result.run_dir / "run.json").read_text())
    for name in ("queries", "when", "fault", "grace", "workload", "method"):
        del header["slo"][name], header["scenario"]["slo"][name]
    del header["scenario"]["phases"], header["scenario"]["healing"]
    replace_header(result.run_dir, header)
    assert judge(tmp_path, "--json") == 0
    assert json.loads(capsys.readouterr().out)["slos"] == json.loads(msgspec.json.encode(result.report.slos))
    assert judge(tmp_path, "--slo", "p95_latency_ms < 300 during fault") == 0
