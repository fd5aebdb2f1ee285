"""What a person at a terminal meets: exit statuses, one clear sentence for a mistake, nothing left running."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

import psutil
import pytest

from tests.end_to_end.battles import ask


def battle(*arguments, cwd: Path, timeout: float = 60):
    """Run `battle ...` in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "battle", *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


@pytest.fixture(scope="module")
def smoked(tmp_path_factory):
    """A directory with one simulated smoke run in it, and what the command said."""
    cwd = tmp_path_factory.mktemp("smoked")
    return cwd, battle("run", "smoke", "--world", "simulated", "--seed", 3, cwd=cwd)


def test_a_run_says_its_verdict_first_and_where_to_look(smoked):
    cwd, ran = smoked
    assert ran.returncode == 0
    assert ran.stdout.startswith("PASS: ")
    for name in ("report.md", "report.html", "report.json", "junit.xml"):
        assert name in ran.stdout
        assert (cwd / "battle_results" / "latest" / name).is_file()
    assert "\x1b" not in ran.stdout + ran.stderr


def test_it_says_its_version(tmp_path):
    ran = battle("--version", cwd=tmp_path)
    assert (ran.returncode, ran.stdout) == (0, f"battle {version('battle-gateway')}\n")


def test_json_goes_to_stdout_and_nothing_else_does(tmp_path):
    ran = battle("run", "smoke", "--world", "simulated", "--json", "--quiet", cwd=tmp_path)
    assert json.loads(ran.stdout)["verdict"] == "PASS"
    assert ran.stderr == ""


def test_a_report_made_anew_is_the_one_written_at_the_end(smoked):
    cwd, _ = smoked
    latest = cwd / "battle_results" / "latest"
    for form, name in (("markdown", "report.md"), ("json", "report.json"), ("html", "report.html")):
        assert battle("report", "latest", "--format", form, cwd=cwd).stdout == (latest / name).read_text()


def test_sql_prints_rows_in_each_format(smoked):
    cwd, _ = smoked
    query = "SELECT workload, count(*) AS n, NULL AS nothing FROM requests GROUP BY ALL"
    table, as_json, csv, markdown = (
        battle("sql", "latest", query, "--format", form, cwd=cwd).stdout
        for form in ("table", "json", "csv", "markdown")
    )
    assert re.search(r"main +250 +NULL", table)
    assert json.loads(as_json) == [{"workload": "main", "n": 250, "nothing": None}]
    assert csv.splitlines() == ["workload,n,nothing", "main,250,"]
    assert "| main | 250 | NULL |" in markdown
    assert "fault_windows" in battle("sql", "latest", cwd=cwd).stdout


def test_list_shows_each_scenario_with_what_it_proves_and_how_long_it_takes(tmp_path):
    (tmp_path / "fixed.py").write_text(FIXED_PORT.format(port=0))
    (tmp_path / "elsewhere.battle.json").write_text(ELSEWHERE)
    ran = battle("list", ".", cwd=tmp_path)
    assert ran.returncode == 0
    assert ran.stdout.splitlines()[0].split() == ["scenario", "live", "simulated", "tags", "proves"]
    shown = {line.split()[0]: line for line in ran.stdout.splitlines() if line}
    for name in ("smoke", "http_failover", "http_failover:poisson", "ws_continuity:dropped"):
        assert re.match(rf"{name} +\d+ s +~\d s  (fast|slow)  \w", shown[name]), ran.stdout
    assert re.match(r"http_failover:long +3 min +~\d+ s  slow  \w", shown["http_failover:long"])
    assert re.match(r"long_soak +30 min +~[12]\d s  soak  \w", shown["long_soak"])
    assert re.match(r"fixed.py +4 s +~2 s  -     Fixed port", shown["fixed.py"])
    assert re.match(r"elsewhere.battle.json +8 s +-  -     Elsewhere", shown["elsewhere.battle.json"])


WRONG_TOML = """
name = "Wrong"
gateway = {type = "embedded", seed_latencies = {zz = "5ms"}}
[[providers]]
type = "mock"
name = "a"
[[workloads]]
type = "http_constant"
method = "eth_blockNumber"
rate = -5
duration = "10s"
[[chaos]]
type = "kill"
target = "b"
at = "1s"
"""


BY_HAND = """
from battle import HttpConstant, MockProvider, Scenario, Slo, seconds
workload = HttpConstant("eth_blockNumber", rate={rate}, duration=seconds(1))
scenario = Scenario("x", providers=[MockProvider("a")], workloads=[workload], slo=Slo(success_rate=1){more})
"""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "no_such"], r"no scenario 'no_such'.*smoke"),
        (["run", "http_failover:no_such"], r"no scenario named 'no_such'.*long"),
        (["run", "missing.py"], r"missing.py does not exist"),
        (["run", "broken.py"], r"broken.py cannot be loaded: SyntaxError"),
        (["run", "broken.toml"], r"broken.toml is not valid TOML"),
        (["run", "unknown.json"], r"unknown.json: line 1: unknown field `colour` in Scenario"),
        (
            ["run", "wrong.toml"],
            r"rate must be above 0.*seed_latencies names 'zz'.*target 'b' does not exist",
        ),
        (
            ["run", "smoke", "--world", "simulated", "--seed", str(2**63)],
            r"a seed is .* not 9223372036854775808",
        ),
        (["run", "callable.py", "--world", "simulated"], r"scenario 'x' cannot be run: .*function"),
        (["run", "typed.py", "--world", "simulated"], r"scenario 'x' cannot be run: .*workloads.*rate"),
        (["suite", "empty.py", "--world", "simulated"], r"there is no scenario to run"),
        (["suite", "failing.py", "--world", "simulated"], r"failing.py cannot be loaded: RuntimeError: oh"),
        (["run", "smoke", "--gateway", "no_such"], r"no gateway 'no_such'.*embedded"),
        (["run", "smoke", "--gateway", "haproxy", "--world", "simulated"], r"only the embedded gateway"),
        (["run", "smoke", "--out", "/proc/nowhere"], r"cannot be written below /proc/nowhere"),
        (["sql", "no_such", "SELECT 1"], r"no run 'no_such'"),
        (["report", "latest"], r"no run 'latest'"),
        (["run", "smoke", "--seed", "many"], r"Invalid value for '--seed'"),
        (["dance"], r"No such command 'dance'"),
    ],
)
def test_a_mistake_is_one_sentence_and_status_2(arguments, said, tmp_path):
    (tmp_path / "broken.py").write_text("scenario = Scenario(")
    (tmp_path / "broken.toml").write_text("name = ")
    (tmp_path / "unknown.json").write_text('{"name": "x", "providers": [], "workloads": [], "colour": "red"}')
    (tmp_path / "wrong.toml").write_text(WRONG_TOML)
    (tmp_path / "callable.py").write_text(BY_HAND.format(rate=1, more=", setup=print"))
    (tmp_path / "typed.py").write_text(BY_HAND.format(rate="'often'", more=""))
    (tmp_path / "empty.py").write_text("")
    (tmp_path / "failing.py").write_text("raise RuntimeError('oh')")
    ran = battle(*arguments, cwd=tmp_path)
    assert ran.returncode == 2, ran.stderr
    assert re.search(said, ran.stderr.replace("\n", " ")), ran.stderr
    assert "Traceback" not in ran.stderr
    assert ran.stdout == ""


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("SELEC 1", "syntax error"),
        ("SELECT * FROM no_such_table", "no_such_table"),
        ("COPY requests TO 'stolen.csv'", "COPY is not allowed"),
        ("SELECT * FROM read_text('secret.txt')", "."),
        ("ATTACH 'other.duckdb'", "ATTACH is not allowed"),
    ],
)
def test_a_bad_query_is_one_sentence_and_status_2(query, said, smoked):
    cwd, _ = smoked
    (cwd / "secret.txt").write_text("secret")
    before = sorted(path.name for path in cwd.rglob("*"))
    ran = battle("sql", "latest", query, cwd=cwd)
    assert ran.returncode == 2
    assert said.lower() in ran.stderr.lower()
    assert "Traceback" not in ran.stderr
    assert "secret" not in ran.stdout
    assert sorted(path.name for path in cwd.rglob("*")) == before


FIXED_PORT = """
from battle import HttpConstant, MockProvider, Scenario, Slo, seconds
scenario = Scenario(
    "Fixed port",
    providers=[MockProvider("a", port={port})],
    workloads=[HttpConstant("eth_chainId", rate=30, duration=seconds(1))],
    slo=Slo(success_rate=0.9),
)
"""


ELSEWHERE = """{"name": "Elsewhere", "providers": [{"type": "mock", "name": "a"}],
    "gateway": {"type": "url", "url": "http://127.0.0.1:1/"},
    "workloads": [{"type": "http_constant", "method": "eth_chainId", "rate": 10, "duration": "5s"}]}"""


@pytest.mark.live
def test_a_port_in_use_is_one_sentence_and_leaves_nothing(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        port = stranger.getsockname()[1]
        (tmp_path / "fixed.py").write_text(FIXED_PORT.format(port=port))
        ran = battle("run", "fixed.py", "--quiet", cwd=tmp_path)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert f"port {port} for a is not available" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert list((tmp_path / "battle_results").iterdir()) == []


def _start_failover(cwd: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "battle", "run", "http_failover"],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _wait_for_load(cwd: Path, seconds: float) -> Path:
    """Wait until requests have been logged for some seconds; the run's directory."""
    for _ in range(200):
        segments = list(cwd.glob("battle_results/2*/events/load-*.ndjson"))
        if segments and segments[0].stat().st_size > 0:
            time.sleep(seconds)
            return segments[0].parents[1]
        time.sleep(0.1)
    raise AssertionError("the load did not begin")


def _nodes_of(coordinator_pid: int) -> list[psutil.Process]:
    return psutil.Process(coordinator_pid).children(recursive=True)


@pytest.mark.live
@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.thorough)])
def test_an_interrupted_run_is_sealed_and_says_that_it_is_partial(number, tmp_path):
    with _start_failover(tmp_path) as running:
        run_dir = _wait_for_load(tmp_path, 2)
        nodes = _nodes_of(running.pid)
        running.send_signal(number)
        stdout, stderr = running.communicate(timeout=30)
    assert running.returncode == 130, stderr
    assert "Traceback" not in stderr
    assert stdout.startswith("INCONCLUSIVE"), "requests that Ctrl-C cut off are not the gateway's failures"
    assert len(nodes) == 4
    assert [node for node in nodes if node.is_running()] == []
    assert (run_dir / "events" / "manifest.json").is_file()
    assert "partial" in (run_dir / "report.md").read_text().lower()
    assert ask(run_dir, "SELECT count(*) > 50 FROM requests") == [(True,)]


@pytest.mark.live
def test_a_killed_coordinator_leaves_no_process_and_a_log_that_can_be_reported(tmp_path):
    with _start_failover(tmp_path) as running:
        run_dir = _wait_for_load(tmp_path, 3)
        nodes = _nodes_of(running.pid)
        assert len(nodes) == 4
        os.kill(running.pid, signal.SIGKILL)
        killed_at = time.time()
        running.communicate()
    _, alive = psutil.wait_procs(nodes, timeout=5)
    assert alive == []
    assert not (run_dir / "events" / "manifest.json").exists()

    ran = battle("report", run_dir.name, cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert "partial" in ran.stdout.lower()
    assert "INCONCLUSIVE" in ran.stdout.splitlines()[0] or "FAIL" in ran.stdout.splitlines()[0]

    last = max(path.stat().st_mtime for path in (run_dir / "events").glob("load-*.ndjson"))
    assert killed_at - last < 0.5, "the last block was written within moments of the kill"
    [(requests, gap_ns)] = ask(
        run_dir,
        "SELECT count(*), max(gap) FROM (SELECT scheduled_ns - lag(scheduled_ns) OVER (ORDER BY scheduled_ns) AS gap"
        " FROM requests)",
    )
    assert requests > 50
    assert gap_ns == 20_000_000, "every request that ended before the last flush is in the log"
