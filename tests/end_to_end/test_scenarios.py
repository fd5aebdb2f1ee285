"""The shipped battles can be won, and lost: each passes with its own gateway, and fails with one without failover."""

import re
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from statistics import median
from weakref import WeakSet

import msgspec
import psutil
import pytest

from battle import Retry, minutes, ms, run_scenario, seconds
from battle.actors.gateway.calls.dispatcher import Dispatcher, RetriedRequest
from battle.scenario.loader import listed, load_scenario
from battle.scenario.validation import scenario_problems
from tests.end_to_end.battles import ask, digests

SHIPPED = dict(listed())
LOST_BY_OURS = "stale_provider:reads"
LONG = ("long_soak", "http_failover:long")
FAST = [name for name, scenario in SHIPPED.items() if "fast" in scenario.tags]
IN_FULL = [name for name in SHIPPED if ":" not in name and name not in FAST]
"""Battles that have a short version, which is fought here; they themselves are for `make slow`."""

SEEDS = (2, 3, 4, 5)
SEND = "eth_sendRawTransaction"


def _named(*names, slow=()):
    return [
        pytest.param(name, marks=pytest.mark.slow if name in (*LONG, *slow) else ())
        for name in names or SHIPPED
    ]


def _without_failover(scenario):
    gateway = msgspec.structs.replace(scenario.gateway, failover=False)
    return msgspec.structs.replace(scenario, gateway=gateway)


@pytest.mark.parametrize("name", _named(*(name for name in SHIPPED if name != LOST_BY_OURS), slow=IN_FULL))
def test_a_shipped_scenario_passes(name, tmp_path):
    report = run_scenario(SHIPPED[name], world="simulated", out=tmp_path).report
    assert report.verdict == "PASS", report.reasons
    assert all(fault.effect_observed for fault in report.faults)
    assert report.faults


@pytest.mark.parametrize("name", _named(slow={*SHIPPED} - {*FAST, LOST_BY_OURS}))
def test_a_gateway_without_failover_loses_it(name, tmp_path):
    report = run_scenario(_without_failover(SHIPPED[name]), world="simulated", out=tmp_path).report
    assert report.verdict == "FAIL"


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", [name for name in SHIPPED if name not in (LOST_BY_OURS, *LONG)])
def test_the_seed_does_not_matter(name, seed, tmp_path):
    report = run_scenario(SHIPPED[name], world="simulated", seed=seed, out=tmp_path).report
    assert report.verdict == "PASS", report.reasons


@pytest.mark.parametrize("name", ["concurrent_load:short", "long_soak:short"])
def test_a_gateway_that_never_resends_a_transaction_passes_and_that_is_said(name, tmp_path, monkeypatch):
    stop = Dispatcher.stop

    def sent_once(dispatcher, progress):
        return "sent once" if progress.proxied.method == SEND else stop(dispatcher, progress)

    monkeypatch.setattr(Dispatcher, "stop", sent_once)
    result = run_scenario(SHIPPED[name], world="simulated", out=tmp_path)
    [policy] = [one.summary for one in result.report.findings if one.checker == "transactions"]
    assert "none reached providers more than once" in policy
    assert "not resent" in policy
    assert ask(
        result.run_dir, f"SELECT count(*) > 0 FROM requests WHERE method = '{SEND}' AND outcome <> 'ok'"
    ) == [(True,)]
    assert (result.report.verdict, result.report.warnings) == ("PASS", ()), result.report.reasons


@pytest.mark.parametrize("attempt_timeout", [ms(300), seconds(1), seconds(2)])
def test_a_dark_region_asks_for_no_shorter_timeout_than_gateways_have(attempt_timeout, tmp_path):
    scenario = SHIPPED["region_outage:short"]
    retry = Retry(max_attempts=3, attempt_timeout=attempt_timeout, deadline=seconds(6), budget_ratio=2)
    gateway = msgspec.structs.replace(scenario.gateway, retry=retry)
    scenario = msgspec.structs.replace(scenario, gateway=gateway)
    report = run_scenario(scenario, world="simulated", out=tmp_path).report
    assert report.verdict == "PASS", report.reasons


@pytest.mark.parametrize("name", list(SHIPPED))
def test_it_says_what_it_proves(name):
    scenario = SHIPPED[name]
    assert list(scenario_problems(scenario)) == []
    assert scenario.proves
    assert scenario.proves[-1] != "."


def test_old_answers_are_counted_though_all_requests_end_well(tmp_path):
    """The one battle that the embedded gateway loses: the day it wins it, the page that says so is out of date."""
    report = run_scenario(SHIPPED[LOST_BY_OURS], world="simulated", out=tmp_path).report
    assert [(slo.name, slo.status) for slo in report.slos if slo.status != "met"] == [
        ("max_stale_answers", "missed")
    ]


@pytest.mark.parametrize("name", _named("ws_continuity", "long_soak"))
def test_one_seed_gives_one_log(name, tmp_path):
    one, other = (
        digests(run_scenario(SHIPPED[name], world="simulated", seed=7, out=tmp_path / out).run_dir)
        for out in ("one", "other")
    )
    assert one == other
    assert len(one) > 15


# Continuity


@pytest.mark.parametrize("world", ["simulated", pytest.param("live", marks=pytest.mark.live)])
def test_no_subscriber_misses_a_head_when_the_upstream_is_killed(world, tmp_path):
    result = run_scenario(load_scenario("ws_continuity:short"), world=world, out=tmp_path)
    assert result.report.verdict == "PASS", result.report.reasons
    assert _killed_under_its_subscribers(result.run_dir)
    _assert_every_client_got_every_head(result.run_dir)
    _assert_the_report_tells_of_the_gap(result.report, (result.run_dir / "report.md").read_text())


def _killed_under_its_subscribers(run_dir):
    """Whether 50 clients had subscriptions, all through one at `a`, at the moment of its death."""
    [(died_ns, reason)] = ask(
        run_dir, "SELECT at_ns, reason FROM actor_lifecycle WHERE actor = 'a' AND change = 'crashed'"
    )
    clients = ask(
        run_dir,
        f"""SELECT count(*) FROM subscriptions
            WHERE side = 'client' AND name = 'heads' AND change = 'subscribed' AND at_ns < {died_ns}""",
    )
    publishers = ask(run_dir, f"SELECT DISTINCT provider FROM heads WHERE at_ns < {died_ns}")
    return "SIGKILL" in reason and clients == [(50,)] and publishers == [("a",)]


def _assert_every_client_got_every_head(run_dir):
    """From the rows themselves: no checker, and no view, is asked."""
    received: dict[tuple[str, str], list[int]] = {}
    rows = ask(
        run_dir,
        "SELECT connection, subscription, number FROM notifications WHERE workload = 'heads' AND kind = 'newHeads'",
    )
    for connection, subscription, number in rows:
        received.setdefault((connection, subscription), []).append(number)
    assert len(received) == 50
    last = [numbers[-1] for numbers in received.values()]
    assert max(last) - min(last) <= 1, "at the end one may just have got it and another not"
    for numbers in received.values():
        assert len(numbers) >= 12
        assert all(after == before + 1 for before, after in pairwise(numbers))


def _assert_the_report_tells_of_the_gap(report, markdown):
    [gap] = [gap for gap in report.websocket.gap_fills if gap.kind == "newHeads"]
    assert (gap.fault_id, gap.reason, gap.gaps, gap.filled_gaps) == ("kill-a.1", "failover", 1, 1)
    assert gap.heights == gap.heights_max == gap.found
    assert gap.heights >= 1
    assert 0 < gap.took_max_ns < seconds(3)
    [line] = [line for line in markdown.splitlines() if line.startswith("| kill-a.1") and "newHeads" in line]
    assert [cell.strip() for cell in line.split("|")][5:7] == [str(gap.heights), str(gap.heights)]


# Half an hour

EARLIER, LATER = range(18, 22), range(26, 30)
"""Minutes of the simulation. By the first of them the caches are full: that of blocks after 512 block times."""

RSS_GROWTH_MAX = 2_000_000
"""Of the whole process, with ten nodes in it, from the former minutes to the latter. 0.8 MB were measured: buffers of
the log that happen to be fuller, and the ids of requests, which are remembered up to 65,536. What is left of a
request, were it kept, would be 5 MB; what is left of a connection 2 MB."""


@pytest.mark.slow
def test_nothing_heaps_up_in_half_an_hour(tmp_path):
    rss = _rss_while_simulating("long_soak", tmp_path)
    run_dir = tmp_path / "battle_results" / "latest"
    earlier, later = ([one for minute, one in rss if minute in part] for part in (EARLIER, LATER))
    assert len(earlier) >= 3
    assert len(later) >= 3
    assert median(later) - median(earlier) < RSS_GROWTH_MAX, rss
    samples = ask(
        run_dir,
        """
        SELECT node,
               median(tasks) FILTER (at_ns < 600e9), median(tasks) FILTER (at_ns > 1500e9),
               median(open_fds) FILTER (at_ns < 600e9), median(open_fds) FILTER (at_ns > 1500e9), count(rss_bytes)
        FROM system_samples WHERE at_ns > 120e9 GROUP BY node
        """,
    )
    assert len(samples) == 10
    for node, tasks, tasks_later, streams, streams_later, measured in samples:
        # A pool keeps the connections that a spell of slow answers made it open.
        assert tasks_later <= tasks + 5, node
        assert streams_later <= streams + 5, node
        assert measured == 0, "no memory of its own: in this world all nodes are one process"


def test_a_request_leaves_nothing_behind_for_the_garbage_collector(tmp_path, monkeypatch):
    """It is off while simulating."""
    alive: WeakSet[RetriedRequest] = WeakSet()
    most = 0
    begin = RetriedRequest.__init__

    def counted(retried, *arguments):
        nonlocal most
        begin(retried, *arguments)
        alive.add(retried)
        most = max(most, len(alive))

    monkeypatch.setattr(RetriedRequest, "__init__", counted)
    result = run_scenario(load_scenario("smoke"), world="simulated", out=tmp_path)
    assert ask(result.run_dir, "SELECT count(*) FROM requests") == [(250,)]
    assert 1 <= most <= 5


@pytest.mark.parametrize("seed", [1, 7])
def test_smoke_shows_a_whole_story_of_death_recovery_and_readmission(tmp_path, seed):
    """It is the first report that anybody sees."""
    result = run_scenario(load_scenario("smoke"), world="simulated", seed=seed, out=tmp_path)
    assert result.report.verdict == "PASS", result.report.reasons
    [(recovered_ns,)] = ask(result.run_dir, "SELECT time_to_recover_ns FROM fault_windows")
    [(readmitted_ns,)] = ask(result.run_dir, "SELECT time_to_readmit_ns FROM fault_reactions")
    assert 0 < recovered_ns < seconds(2)
    assert 0 < readmitted_ns < seconds(2)


def _rss_while_simulating(name: str, cwd: Path) -> list[tuple[int, int]]:
    """The memory of `battle run`, ten times a second, until its load has ended; each with the minute of the
    simulation, as its log has it."""
    program = [sys.executable, "-m", "battle", "run", name, "--world", "simulated", "--quiet"]
    with subprocess.Popen(program, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        process, rss = psutil.Process(running.pid), []
        while running.poll() is None and (log := _log_so_far(cwd)) is not None:
            if (minute := _minute(log)) is not None:
                rss.append((minute, process.memory_info().rss))
            time.sleep(0.1)
        running.wait(timeout=100)
    assert running.returncode == 0
    return rss


def _minute(log: bytes) -> int | None:
    """The coordinator samples itself each second, and each event is in the file at once."""
    times = re.findall(rb'"at_ns":(\d+)', log[-4096:])
    return int(times[-1]) // minutes(1) if times else None


def _log_so_far(cwd: Path) -> bytes | None:
    """What the coordinator has written; None once the load has ended: judging takes memory of its own."""
    for path in cwd.glob("battle_results/2*/events/coordinator.1.ndjson"):
        log = path.read_bytes()
        return None if b'"load_ended"' in log else log
    return b""
