"""Each checker, on histories of a few lines."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from battle.analysis.findings import Finding
from battle.analysis.log import Log
from battle.analysis.verdict import checkers
from battle.analysis.verdict.checker import PlacedChecker
from battle.analysis.verdict.checkers.answers import answers_are_right
from battle.analysis.verdict.checkers.completeness import log_is_whole, run_is_complete
from battle.analysis.verdict.checkers.fault_effects import faults_took_effect
from battle.analysis.verdict.checkers.load_generator import (
    generator_kept_pace,
    lateness_bound_ns,
    something_was_sent,
)
from battle.analysis.verdict.checkers.nodes import nodes_lived
from battle.analysis.verdict.checkers.provider_return import providers_used_again
from battle.analysis.verdict.registry import CHECKERS, check
from battle.scenario.slo.slo import Slo, SloSet
from battle.store.database import open_run
from battle.store.definitions import defined_in, modules_of
from battle.store.events import Event, RunChanged
from battle.store.seal import seal
from battle.store.segment import SegmentWriter, open_segment, segment_path
from tests.battle.histories import (
    MS,
    S,
    acted,
    against,
    breaker,
    failed,
    fault,
    healthy,
    life,
    open_history,
    phases,
    published,
    request,
    sample,
    served,
    subscribed,
    tried,
    write_run,
)

Checker = Callable[[Log, SloSet], Finding | None]


def found(tmp_path: Path, checker: Checker, *events: Event, slo: Slo | None = None) -> Finding:
    with open_history(tmp_path, *events) as run:
        finding = checker(Log(run), SloSet(run=slo or Slo()))
    assert finding is not None
    return finding


def found_in(run_dir: Path, checker: Checker) -> Finding:
    with open_run(run_dir) as run:
        finding = checker(Log(run), SloSet())
    assert finding is not None
    return finding


# every checker


def test_a_healthy_run_passes_every_checker(tmp_path: Path) -> None:
    with open_run(write_run(tmp_path / "run", healthy())) as run:
        findings = [finding for checker in CHECKERS if (finding := checker(Log(run), SloSet()))]
    assert {finding.verdict for finding in findings} == {"PASS"}, findings
    left_out = {checker.__name__ for checker in CHECKERS} - {finding.checker for finding in findings}
    assert left_out == {
        "errors_are_passed_on",
        "reads_monotonic",
        "providers_reached",
        "providers_used_again",
        "transactions",
        "websocket_continuity",
        "heads_monotonic",
        "connections_leaked",
        "metastable_failure",
        "gateway_stops",
        "providers_agree",
        "slow_readers",
    }


def test_an_empty_log_proves_nothing(tmp_path: Path) -> None:
    with open_history(tmp_path) as run:
        findings = [finding for checker in CHECKERS if (finding := checker(Log(run), SloSet()))]
    # No fault was planned: that much an empty log can say.
    assert {f.checker for f in findings if f.verdict == "PASS"} == {"faults_took_effect", "log_is_whole"}
    assert "FAIL" not in {f.verdict for f in findings}


def test_the_evidence_of_every_finding_can_be_looked_up(tmp_path: Path) -> None:
    with open_run(write_run(tmp_path / "run", healthy())) as run:
        for checker in CHECKERS:
            finding = checker(Log(run), SloSet())
            if finding is not None:
                assert finding.query is not None
                run.execute(finding.query)


def test_a_checker_that_crashes_says_inconclusive(tmp_path: Path) -> None:
    def broken(log: Log, slos: SloSet) -> Finding:
        raise ZeroDivisionError("oh")

    with open_history(tmp_path) as run:
        finding = check(broken, Log(run), SloSet())
    assert finding is not None
    assert (finding.checker, finding.verdict) == ("broken", "INCONCLUSIVE")
    assert finding.summary == "the checker broken crashed: ZeroDivisionError: oh"


def test_no_two_checkers_have_one_place() -> None:
    places = [one.place for one in defined_in(checkers.__name__, PlacedChecker)]
    assert sorted(places) == sorted(set(places))
    assert len(places) == len(CHECKERS)


def test_no_checker_lacks_its_place() -> None:
    """What a file in `checkers/` defines with the arguments of a checker is one: a forgotten line is noticed."""
    unplaced = [
        name
        for module in modules_of(checkers.__name__)
        for name, value in vars(module).items()
        if not name.startswith("_") and inspect.isfunction(value)
        if [*inspect.signature(value).parameters] == ["log", "slos"] and value not in CHECKERS
    ]
    assert unplaced == []


# run_is_complete


def test_a_run_went_to_its_end_when_it_ended_and_was_sealed(tmp_path: Path) -> None:
    sealed = write_run(tmp_path / "1", {"coordinator": phases()})
    assert found_in(sealed, run_is_complete).verdict == "PASS"
    unsealed = write_run(tmp_path / "2", {"coordinator": phases()}, sealed=False)
    finding = found_in(unsealed, run_is_complete)
    assert (finding.verdict, finding.summary) == (
        "INCONCLUSIVE",
        "the run is partial: its log was never sealed",
    )


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (("started", "load_began"), "its load has no end; its coordinator died before the end"),
        (("started", "ended"), "its load never started"),
        (("started", "load_began", "interrupted", "load_ended", "ended"), "it was interrupted at 10.000 s"),
    ],
)
def test_a_run_without_all_of_its_phases_is_partial(
    tmp_path: Path, names: tuple[str, ...], words: str
) -> None:
    run_dir = write_run(tmp_path / "run", {"coordinator": phases(*names)})
    finding = found_in(run_dir, run_is_complete)
    assert (finding.verdict, finding.summary) == ("INCONCLUSIVE", f"the run is partial: {words}")


def test_a_failed_run_says_why(tmp_path: Path) -> None:
    events = [*phases(), RunChanged(at_ns=4 * S, phase="failed", detail="the gateway never became ready")]
    finding = found_in(write_run(tmp_path / "run", {"coordinator": events}), run_is_complete)
    assert finding.summary == "the run is partial: it failed at 4.000 s (the gateway never became ready)"


# log_is_whole


def cut(run_dir: Path, node: str, incarnation: int, keep: float = 0.9) -> None:
    path = segment_path(run_dir, node, incarnation)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])


def killed_run(run_dir: Path) -> Path:
    segments: dict[str, list[Event]] = {
        "coordinator": [*phases(), *fault("kill-a", 3 * S, 5 * S)],
        "a.1": [tried(n, "a", n, n + 1) for n in range(3)],
        "a.2": [tried(n, "a", n, n + 1) for n in range(3)],
    }
    return write_run(run_dir, segments, sealed=False)


def test_the_torn_end_of_a_node_that_a_fault_killed_is_expected(tmp_path: Path) -> None:
    run_dir = killed_run(tmp_path / "run")
    cut(run_dir, "a", 1)
    assert found_in(run_dir, log_is_whole).verdict == "PASS"


@pytest.mark.parametrize("keep", [0.9, 0.5])
def test_a_torn_end_elsewhere_is_not(tmp_path: Path, keep: float) -> None:
    run_dir = killed_run(tmp_path / "run")
    cut(run_dir, "a", 2, keep)
    finding = found_in(run_dir, log_is_whole)
    assert (finding.verdict, finding.ids) == ("INCONCLUSIVE", ("a.2",))


def test_a_segment_that_nobody_closed_is_not_whole(tmp_path: Path) -> None:
    run_dir = killed_run(tmp_path / "run")
    path = segment_path(run_dir, "a", 2)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-1]))
    finding = found_in(run_dir, log_is_whole)
    assert (finding.verdict, finding.ids) == ("INCONCLUSIVE", ("a.2",))


def test_a_damaged_block_is_never_expected(tmp_path: Path) -> None:
    run_dir = killed_run(tmp_path / "run")
    path = segment_path(run_dir, "a", 1)
    path.write_bytes(path.read_bytes().replace(b'"r1"', b'"r9"'))
    finding = found_in(run_dir, log_is_whole)
    assert (finding.verdict, finding.ids) == ("INCONCLUSIVE", ("a.1",))
    assert "1 damaged block left out" in finding.summary


def test_a_segment_that_is_missing_empty_copied_or_renamed_is_told(tmp_path: Path) -> None:
    def remove(path: Path) -> None:
        path.unlink()

    def empty(path: Path) -> None:
        path.write_bytes(b"")

    def copy(path: Path) -> None:
        path.with_name("a.7.ndjson").write_bytes(path.read_bytes())

    def copy_over(path: Path) -> None:
        path.with_name("gateway.1.ndjson").write_bytes(path.read_bytes())

    def rename(path: Path) -> None:
        path.rename(path.with_name("c.1.ndjson"))

    def of_another_run(path: Path) -> None:
        path.unlink()
        writer = SegmentWriter(open_segment(path.parent.parent, "a", 1, "8@5"))
        writer.close()

    cases = [
        (remove, "a.1: the whole segment is missing"),
        (empty, "a.1: it is empty"),
        (copy, "a.7: it is a copy of a.1, or that one renamed; the coordinator's log does not mention"),
        (copy_over, "gateway.1: it is a copy of a.1, or that one renamed"),
        (rename, "a.1: the whole segment is missing; c.1: it is a copy of a.1, or that one renamed"),
        (of_another_run, "a.1: it belongs to another run"),
    ]
    for number, (harm, words) in enumerate(cases):
        for sealed in (False, True):
            run_dir = told_run(tmp_path / f"{number}{sealed}")
            harm(segment_path(run_dir, "a", 1))
            if sealed:
                seal(run_dir)
            finding = found_in(run_dir, log_is_whole)
            assert finding.verdict == "INCONCLUSIVE", words
            assert words in finding.summary


def told_run(run_dir: Path) -> Path:
    """A run whose coordinator tells how large each segment was in the end, all of them whole."""
    sizes, made = {}, run_dir
    for name in ("draft", "run"):
        lives = [
            life(node, change, segment_bytes=sizes.get(f"{node}.1", 1))
            for node in ("a", "gateway")
            for change in ("started", "stopped")
        ]
        segments: dict[str, list[Event]] = {
            "coordinator": [*phases(), *lives],
            "a": [served(n, "a", n) for n in range(3)],
            "gateway": [tried(n, "a", n, n + 1) for n in range(3)],
        }
        made = write_run(run_dir / name, segments, sealed=False)
        sizes = {path.stem: path.stat().st_size for path in (made / "events").iterdir()}
    assert found_in(made, log_is_whole).verdict == "PASS"
    return made


def test_the_coordinators_own_segment_is_missed_as_well(tmp_path: Path) -> None:
    for harm in (Path.unlink, lambda path: path.write_bytes(b"")):
        run_dir = told_run(tmp_path / harm.__name__)
        harm(segment_path(run_dir, "coordinator", 1))
        finding = found_in(run_dir, log_is_whole)
        assert finding.verdict == "INCONCLUSIVE"
        assert "coordinator.1: " in finding.summary


def test_a_segment_cut_at_the_end_of_a_block_is_missed_also_of_a_killed_node(tmp_path: Path) -> None:
    killed = [
        life("a", "started", segment_bytes=100),
        life("a", "crashed", 5, reason="killed by SIGKILL (fault kill-a)", segment_bytes=2000),
    ]
    segments: dict[str, list[Event]] = {
        "coordinator": [*phases(), *killed],
        "a": [served(n, "a", n) for n in range(3)],
    }
    finding = found_in(write_run(tmp_path / "run", segments, sealed=False), log_is_whole)
    assert finding.verdict == "INCONCLUSIVE"
    assert "had 2,000 when its node ended: its end is missing" in finding.summary


# something_was_sent


def test_requests_that_never_left_do_not_count_as_sent(tmp_path: Path) -> None:
    finding = found(tmp_path, something_was_sent, failed(1, sent_ns=None, failure="unsent"))
    assert (finding.verdict, finding.summary) == ("INCONCLUSIVE", "the only request failed before being sent")


# generator_kept_pace


@pytest.mark.parametrize(
    ("events", "words"),
    [
        ([sample(S, 1000, 989)], "it sent 98.9 % of the 1,000 requests that were due"),
        ([sample(S, 1000, 999, dropped=1)], "it dropped 1 request"),
        (
            [sample(S, 1000), sample(2 * S, 1000, backlog=7)],
            "7 requests still queued at its end",
        ),
        ([sample(S, 0)], "nothing was due"),
    ],
)
def test_a_generator_that_fell_behind_measured_another_load(
    tmp_path: Path, events: list[Event], words: str
) -> None:
    finding = found(tmp_path, generator_kept_pace, *events)
    assert (finding.verdict, finding.summary) == ("INCONCLUSIVE", f"workload load: {words}")


def test_the_schedule_is_kept_at_99_percent_sent_and_a_backlog_that_went_away(tmp_path: Path) -> None:
    events = [sample(S, 1000, 990, backlog=5), sample(2 * S, 1000), request(1)]
    assert found(tmp_path, generator_kept_pace, *events).verdict == "PASS"


def test_lateness_is_bound_by_the_p95_slo(tmp_path: Path) -> None:
    late = [request(n, 0, sent_ns=20 * MS) for n in range(100)]
    strict, lax = Slo(p95_latency_ms=100), Slo(p95_latency_ms=300)
    finding = found(tmp_path / "1", generator_kept_pace, sample(S, 100), *late, slo=strict)
    assert finding.verdict == "INCONCLUSIVE"
    assert finding.summary == "workload load: 1 % of its requests were sent 20 ms late or more (bound: 10 ms)"
    assert found(tmp_path / "2", generator_kept_pace, sample(S, 100), *late, slo=lax).verdict == "PASS"


@pytest.mark.parametrize(("p95_ms", "bound_ms"), [(None, 50), (1, 10), (100, 10), (300, 30), (9000, 50)])
def test_the_bound_on_lateness(p95_ms: float | None, bound_ms: int) -> None:
    assert lateness_bound_ns(Slo(p95_latency_ms=p95_ms)) == bound_ms * MS


def test_one_slow_workload_is_enough(tmp_path: Path) -> None:
    events = [sample(S, 1000), sample(S, 1000, 500, workload="other")]
    finding = found(tmp_path, generator_kept_pace, *events)
    assert finding.summary.startswith("workload other: it sent 50 %")


# nodes_lived


STARTED = [life("gateway", "started"), life("a", "started")]


def test_the_gateway_under_test_must_not_crash(tmp_path: Path) -> None:
    crash = life("gateway", "crashed", 3 * S, reason="killed by SIGSEGV")
    other = life("a", "crashed", 2 * S, reason="exit status 1")
    finding = found(tmp_path, nodes_lived, *STARTED, crash, other)
    assert (finding.verdict, finding.summary) == (
        "FAIL",
        "gateway crashed at 3.000 s of the run (killed by SIGSEGV)",
    )


def test_an_actor_on_the_gateways_node_is_the_gateway(tmp_path: Path) -> None:
    crash = life("gateway", "crashed", 3 * S, actor="pool", reason="KeyError('a')")
    finding = found(tmp_path, nodes_lived, *STARTED, crash)
    assert (finding.verdict, finding.summary) == (
        "FAIL",
        "pool on gateway crashed at 3.000 s of the run (KeyError('a'))",
    )


def test_a_crash_of_the_test_bench_spoils_the_measurement(tmp_path: Path) -> None:
    crashes = [life("a", "crashed", n * S, reason="exit status 1") for n in (2, 3)]
    finding = found(tmp_path, nodes_lived, *STARTED, *crashes)
    assert (finding.verdict, finding.ids) == ("INCONCLUSIVE", ("a",))
    assert finding.summary == "a crashed at 2.000 s of the run (exit status 1), 2 times in all"


def test_a_crash_that_a_fault_induced_is_meant(tmp_path: Path) -> None:
    finding = found(tmp_path, nodes_lived, *STARTED, *fault("kill-a", 3 * S, 5 * S))
    assert (finding.verdict, finding.summary) == (
        "PASS",
        "no unplanned crash; faults crashed nodes 1 time",
    )


# faults_took_effect


NOTICED = [tried(1, "a", 4 * S, 4 * S + MS, "error"), breaker(4 * S + MS, "closed", "open")]


def test_faults_that_took_effect(tmp_path: Path) -> None:
    finding = found(tmp_path, faults_took_effect, *fault("kill-a", 3 * S, 5 * S), *NOTICED)
    assert (finding.verdict, finding.summary) == ("PASS", "1 fault took effect")


def test_one_fault_without_effect_is_enough(tmp_path: Path) -> None:
    idle = fault("kill-b", 3 * S, 5 * S, target="b")
    finding = found(tmp_path, faults_took_effect, *fault("kill-a", 3 * S, 5 * S), *NOTICED, *idle)
    assert (finding.verdict, finding.ids) == ("INCONCLUSIVE", ("kill-b",))
    assert finding.summary == (
        "kill-b killed b, but the log shows no effect: b got no request in the whole run: the gateway never "
        "used it"
    )


TWICE = [*fault("errors-a", 3 * S, 4 * S, kind="error_rate"), *fault("kill-a", 8 * S, 9 * S)]


def asked(provider: str, from_ns: int, to_ns: int, **changes: Any) -> list[Event]:
    return [served(at // MS, provider, at, **changes) for at in range(from_ns, to_ns, 100 * MS)]


@pytest.mark.parametrize("kind", ["command", "embedded"])
def test_a_provider_that_was_not_used_again_is_a_finding_and_no_doubt(tmp_path: Path, kind: str) -> None:
    events = [
        *TWICE,
        *asked("a", 0, 3 * S),
        *asked("a", 3 * S, 4 * S, fault_id="errors-a"),
        *asked("b", 4 * S, 10 * S),
    ]
    if kind == "embedded":
        events += [tried(at // MS, "a", at, at + MS) for at in range(0, 4 * S, 100 * MS)]
        events += [tried(at // MS, "b", at, at + MS) for at in range(4 * S, 10 * S, 100 * MS)]
    found_both = both(tmp_path, *events, **against(kind))
    effect, unused = found_both
    assert effect is not None
    assert unused is not None
    assert (effect.verdict, effect.summary) == ("PASS", "1 fault took effect")
    assert (unused.verdict, unused.severity, unused.ids) == ("PASS", "warning", ("kill-a",))
    assert unused.summary == "a was not used again after errors-a ended, and kill-a began 4 s later"


@pytest.mark.parametrize(
    "again",
    [
        asked("a", 6 * S, 6 * S + 200 * MS),  # tried once more, and left for a reason of its own
        asked("a", 8 * S + 200 * MS, 8 * S + 400 * MS),
    ],
)
def test_a_provider_that_was_tried_again_was_used_again(tmp_path: Path, again: list[Event]) -> None:
    events = [*TWICE, *asked("a", 0, 4 * S, fault_id="errors-a"), *again, *asked("b", 4 * S, 10 * S)]
    effect, unused = both(tmp_path, *events, **against())
    assert effect is not None
    assert (effect.verdict, unused) == ("INCONCLUSIVE", None)


def test_a_standby_that_is_idle_again_was_not_given_up(tmp_path: Path) -> None:
    """It stood in while the other one was down; before the first fault the gateway had no use for it."""
    down = fault("kill-b", 2 * S, 5 * S, target="b")
    events = [*down, *TWICE, *asked("b", 0, 2 * S), *asked("a", 2 * S, 4 * S), *asked("b", 5 * S, 10 * S)]
    effect, unused = both(tmp_path, *events, **against())
    assert effect is not None
    assert (effect.verdict, unused) == ("INCONCLUSIVE", None)


def killed_pair(
    back_ns: int, used_ns: int | None, *, end_ns: int = 20 * S, failing: bool = True
) -> list[Event]:
    """Both providers are down from 3 s; until one is used again requests fail, unless somebody else answers them."""
    events = [*phases(end_ns=end_ns), *asked("a", 0, 3 * S), *asked("b", 0, 3 * S)]
    for name in "ab":
        events += fault(f"kill-{name}", 3 * S, back_ns, target=name)
    served_from = end_ns if used_ns is None else used_ns
    for at in range(0, end_ns, 100 * MS):
        down = failing and 3 * S <= at < served_from
        events.append((failed if down else request)(at // MS, at))
    return [*events, *asked("a", served_from, end_ns), *asked("b", served_from, end_ns)]


@pytest.mark.parametrize(
    ("used_ns", "words"),
    [
        (None, "a was back at 5.000 s (kill-a was over), and the gateway sent it nothing to the end, while 150 of "
         "150 requests failed; b was back"),
        (12 * S, "the gateway sent it nothing for 7 s, while 70 of 70 requests failed; b was back"),
    ],
)  # fmt: skip
def test_providers_that_are_back_and_get_nothing_while_clients_fail_are_named(
    tmp_path: Path, used_ns: int | None, words: str
) -> None:
    _, found = both(tmp_path, *killed_pair(5 * S, used_ns), **against())
    assert found is not None
    assert (found.verdict, found.severity, found.ids) == ("PASS", "warning", ("kill-a", "kill-b"))
    assert words in found.summary


@pytest.mark.parametrize(("closed_ns", "words"), [(None, "never closed"), (9 * S, "closed at 9.000 s")])
def test_a_breaker_that_stayed_open_is_named(tmp_path: Path, closed_ns: int | None, words: str) -> None:
    events = [*killed_pair(5 * S, None), breaker(3 * S + MS, "closed", "open")]
    if closed_ns:
        events += [breaker(closed_ns - S, "open", "half_open"), breaker(closed_ns, "half_open", "closed")]
    _, found = both(tmp_path, *events, **against())
    assert found is not None
    assert f"its breaker {words}; b was back" in found.summary


@pytest.mark.parametrize("used_ns", [5 * S, 5 * S + 100 * MS, 9 * S])
def test_a_gateway_that_uses_them_again_within_a_breakers_time_is_sound(tmp_path: Path, used_ns: int) -> None:
    _, found = both(tmp_path, *killed_pair(5 * S, used_ns), **against())
    assert found is None


def test_a_provider_that_is_not_needed_may_rest(tmp_path: Path) -> None:
    _, found = both(tmp_path, *killed_pair(5 * S, None, failing=False), **against())
    assert found is None


def test_too_little_time_after_a_fault_is_said(tmp_path: Path) -> None:
    _, found = both(tmp_path, *killed_pair(5 * S, None, end_ns=7 * S), **against())
    assert found is not None
    assert (found.verdict, found.severity) == ("PASS", None)
    assert found.summary.startswith(
        "a was not used again in the 2 s after kill-a, to the end of the load, in which 20 of 20 requests failed: "
        "too little time to see whether it would be; b was not"
    )


@pytest.mark.parametrize("kind", ["command", "embedded"])
@pytest.mark.parametrize(("end_ns", "severity"), [(13 * S, None), (16 * S, "warning")])
def test_a_provider_that_gets_nothing_to_the_end_while_others_do_is_named(
    tmp_path: Path, end_ns: int, severity: str | None, kind: str
) -> None:
    events = [
        *phases(end_ns=end_ns), *fault("kill-a", 3 * S, 5 * S), *asked("a", 0, 3 * S), *asked("b", 0, end_ns)
    ]  # fmt: skip
    if kind == "embedded":
        events += [tried(at // MS, "a", at, at + MS) for at in range(0, 3 * S, 100 * MS)]
        events += [tried(at // MS, "b", at, at + MS) for at in range(0, end_ns, 100 * MS)]
    _, found = both(tmp_path, *events, **against(kind))
    assert found is not None
    assert (found.verdict, found.severity, found.ids) == ("PASS", severity, ("kill-a",))
    assert found.summary == (
        "a was not used again in the 11 s after kill-a, to the end of the load, while others got 110 attempts"
        if severity
        else "a was not used again in the 8 s after kill-a, to the end of the load: too little time to see whether "
        "it would be"
    )


def both(tmp_path: Path, *events: Event, **header: Any) -> tuple[Finding | None, Finding | None]:
    with open_history(tmp_path, *events, **header) as run:
        log = Log(run)
        return faults_took_effect(log, SloSet()), providers_used_again(log, SloSet())


@pytest.mark.parametrize("kind", ["command", "embedded"])
def test_all_providers_dead_and_every_client_failing_is_an_effect(tmp_path: Path, kind: str) -> None:
    """b is a standby that got no traffic: that it was dead too is why the clients failed."""
    dead = [*fault("kill-a", 3 * S, 5 * S), *fault("kill-b", 3 * S, 5 * S, target="b")]
    errors = [failed(n, 3 * S + n * 100 * MS, 2 * MS) for n in range(1, 19)]
    effect, _ = both(tmp_path, *dead, *errors, *asked("a", 0, 3 * S), **against(kind))
    assert effect is not None
    assert (effect.verdict, effect.summary) == ("PASS", "2 faults took effect")


def test_errors_while_a_provider_could_be_reached_are_no_effect_of_another_ones_death(tmp_path: Path) -> None:
    dead = [*fault("kill-a", 3 * S, 4 * S), *fault("kill-b", 4 * S, 5 * S, target="b")]
    errors = [failed(n, 3 * S + n * 100 * MS, 2 * MS) for n in range(1, 19)]
    effect, _ = both(tmp_path, *dead, *errors, **against())
    assert effect is not None
    assert effect.verdict == "INCONCLUSIVE"


def test_a_subscription_that_a_paused_provider_let_fall_silent_is_an_effect(tmp_path: Path) -> None:
    pause = [*fault("pause-a", 3 * S, 6 * S, kind="pause"), acted("pause-a", "paused", 3 * S)]
    stood = subscribed(0, None, side="provider", name="a")
    heads = [published(number, number * S) for number in (1, 2, 7, 8)]
    header = against(chain={"block_time": S})
    effect, _ = both(tmp_path / "1", *pause, *stood, *heads, **header)
    assert effect is not None
    assert effect.verdict == "PASS"
    for name, events, chain in (
        ("a head came", [*stood, *heads, published(4, 4 * S)], S),
        ("none was due", [*stood, *heads], 10 * S),
        ("nobody subscribed", heads, S),
    ):
        effect, _ = both(tmp_path / name, *pause, *events, **against(chain={"block_time": chain}))
        assert effect is not None
        assert effect.verdict == "INCONCLUSIVE", name


@pytest.mark.parametrize(
    ("events", "words"),
    [
        (fault("kill-a", None, None), "kill-a was never applied (due at 3.000 s of the run)"),
        (fault("kill-a", 3 * S, 5 * S)[:2], "kill-a had no effect: the log has no crash by its SIGKILL"),
        (
            fault("slow-a", 3 * S, 5 * S, kind="degrade"),
            "slow-a had no effect: no attempt at a was affected",
        ),
        (
            fault("cut-a", 3 * S, 5 * S, kind="partition"),
            "cut-a had no effect: no connection to a was affected",
        ),
        (
            fault("toy-a", 3 * S, 5 * S, kind="toy"),
            "whether toy-a had an effect is unknown: the view fault_rules has no row for the kind 'toy' "
            "(`make pages` writes it)",
        ),
    ],
)
def test_a_fault_without_effect_is_never_survived(tmp_path: Path, events: list[Event], words: str) -> None:
    finding = found(tmp_path, faults_took_effect, *events)
    assert (finding.verdict, finding.summary) == ("INCONCLUSIVE", words)


def test_a_plan_that_left_no_trace_in_the_log_was_not_carried_out(tmp_path: Path) -> None:
    header = {"scenario": {"name": "scripted", "chaos": [{"type": "flap", "target": "a"}]}}
    with open_history(tmp_path, request(1), **header) as run:
        finding = faults_took_effect(Log(run), SloSet())
    assert (finding.verdict, finding.summary) == (
        "INCONCLUSIVE",
        "the scenario plans 1 fault, but none is in the log",
    )


# answers_are_right


def test_a_wrong_answer_fails_the_run(tmp_path: Path) -> None:
    events = [request(1), request(2, answer="wrong"), request(3, answer="stale"), failed(4)]
    finding = found(tmp_path, answers_are_right, *events)
    assert (finding.verdict, finding.ids) == ("FAIL", ("r2",))
    assert finding.summary == (
        "of 3 checked answers 1 were wrong and 1 stale; 1 match no provider's log (first: r2)"
    )


def test_the_slo_on_wrong_answers_takes_precedence(tmp_path: Path) -> None:
    events = [request(1), request(2, answer="wrong")]
    finding = found(tmp_path, answers_are_right, *events, slo=Slo(max_wrong_answers=1))
    assert (finding.verdict, finding.ids) == ("PASS", ("r2",))
    assert "the SLO max_wrong_answers decides" in finding.summary


def test_stale_answers_are_counted_but_do_not_fail(tmp_path: Path) -> None:
    finding = found(tmp_path, answers_are_right, request(1, answer="stale"))
    assert (finding.verdict, finding.summary) == (
        "PASS",
        "of 1 checked answer 0 were wrong and 1 stale",
    )


def test_answers_that_nobody_checked_prove_nothing(tmp_path: Path) -> None:
    assert found(tmp_path, answers_are_right, request(1, answer="none")).verdict == "INCONCLUSIVE"
