"""The breaker's fold, against what its settings promise."""

from hypothesis import given
from hypothesis import strategies as st

from battle.actors.gateway.policy import breaker
from battle.actors.gateway.policy.breaker import (
    UNCOUNTED,
    Began,
    BreakerEvent,
    Elapsed,
    Ended,
    Status,
    Transition,
)
from battle.actors.spec.gateways import Breaker
from battle.actors.units import ms, seconds

ALLOWED = {("closed", "open"), ("open", "half_open"), ("half_open", "closed"), ("half_open", "open")}

settings_st = st.builds(
    Breaker,
    failure_threshold=st.integers(1, 4),
    success_threshold=st.integers(1, 4),
    open_for=st.integers(1, 1000),
    jitter_ratio=st.floats(0, 1),
    probe_limit=st.integers(1, 3),
)
results_st = st.sampled_from(["success", "failure", "abandoned"])
moves_st = st.lists(
    st.one_of(
        st.tuples(st.just("begin"), st.integers(0, 300)),
        st.tuples(st.just("wait"), st.integers(0, 600)),
        st.tuples(st.just("end"), st.integers(0, 50), results_st, st.floats(0, 1, exclude_max=True)),
    ),
    max_size=80,
)


class History:
    """Plays moves the way a guard does, and keeps all that a property may ask about."""

    def __init__(self, settings: Breaker) -> None:
        self.settings = settings
        self.now_ns = 0
        self.status = Status()
        self.in_flight: list[int] = []
        self.steps: list[tuple[BreakerEvent, int, float]] = []
        self.changes: list[Transition] = []
        self.statuses = [self.status]

    def step(self, event: BreakerEvent, draw: float = 0.0) -> None:
        self.steps.append((event, self.now_ns, draw))
        self.status, change = breaker.step(self.status, event, self.now_ns, self.settings, draw)
        self.statuses.append(self.status)
        if change is not None:
            self.changes.append(change)

    def play(self, moves) -> "History":
        for move in moves:
            if move[0] == "wait":
                self.now_ns += move[1]
                self.step(Elapsed())
            elif move[0] == "begin":
                self.now_ns += move[1]
                ticket = breaker.ticket(self.status, self.settings)
                self.in_flight.append(ticket)
                if ticket != UNCOUNTED:
                    self.step(Began())
            elif self.in_flight:
                ticket = self.in_flight.pop(move[1] % len(self.in_flight))
                self.step(Ended(move[2], ticket), move[3])
            self.check()
        return self

    def check(self) -> None:
        """What holds at every moment."""
        probes = sum(ticket == self.status.epoch for ticket in self.in_flight)
        if self.status.state == "half_open":
            assert self.status.probes == probes <= self.settings.probe_limit
            assert self.status.successes < self.settings.success_threshold
        else:
            assert self.status.probes == 0
        assert self.status.failures < self.settings.failure_threshold


@given(settings_st, moves_st)
def test_probes_never_exceed_their_limit_and_only_allowed_transitions_happen(settings, moves):
    history = History(settings).play(moves)
    assert {(change.from_state, change.to_state) for change in history.changes} <= ALLOWED
    state = "closed"
    for change in history.changes:
        assert change.from_state == state
        state = change.to_state
    assert state == history.status.state


@given(settings_st, moves_st)
def test_the_same_events_give_the_same_breaker(settings, moves):
    history = History(settings).play(moves)
    status, statuses = Status(), [Status()]
    for event, now_ns, draw in history.steps:
        status, _ = breaker.step(status, event, now_ns, settings, draw)
        statuses.append(status)
    assert statuses == history.statuses


@given(settings_st, moves_st)
def test_it_is_open_for_its_time_and_no_longer_than_the_jitter_allows(settings, moves):
    history = History(settings).play(moves)
    for opened, half_opened in zip(history.changes, history.changes[1:], strict=False):
        if opened.to_state == "open":
            assert half_opened.at_ns - opened.at_ns >= settings.open_for
    for before, after in zip(history.statuses, history.statuses[1:], strict=False):
        if (before.state, after.state) in {("closed", "open"), ("half_open", "open")}:
            longest = settings.open_for * (1 + settings.jitter_ratio) + 1
            opened_ns = next(it.at_ns for it in history.changes if it.at_ns + longest >= after.half_open_ns)
            assert settings.open_for <= after.half_open_ns - opened_ns


@given(settings_st, moves_st)
def test_a_provider_that_recovers_is_always_let_in_again(settings, moves):
    history = History(settings).play(moves)
    for ticket in history.in_flight:
        history.step(Ended("abandoned", ticket))
    history.now_ns += 3 * settings.open_for
    history.step(Elapsed())
    for _ in range(settings.success_threshold):
        ticket = breaker.ticket(history.status, settings)
        assert ticket != UNCOUNTED
        history.step(Began())
        history.step(Ended("success", ticket))
    assert history.status.state == "closed"


@given(settings_st, st.lists(results_st, max_size=30))
def test_it_opens_at_the_threshold_of_failures_in_a_row(settings, results):
    history, in_a_row = History(settings), 0
    for result in results:
        history.step(Ended(result, history.status.epoch))
        in_a_row = 0 if result == "success" else in_a_row + (result == "failure")
        if in_a_row == settings.failure_threshold:
            assert history.status.state == "open"
            assert history.changes[-1].reason == "failure_threshold"
            return
        assert history.status.state == "closed"


SETTINGS = Breaker(
    failure_threshold=2, success_threshold=2, open_for=seconds(5), jitter_ratio=0.1, probe_limit=1
)


def half_open() -> History:
    history = History(SETTINGS)
    for _ in range(2):
        history.step(Ended("failure", 0), draw=0.5)
    history.now_ns = seconds(5.25)
    history.step(Elapsed())
    return history


def test_the_jitter_is_the_drawn_share_of_its_ratio():
    history = History(SETTINGS)
    history.now_ns = ms(10)
    for _ in range(2):
        history.step(Ended("failure", 0), draw=0.5)
    assert history.status.half_open_ns == ms(10) + seconds(5.25)
    history.now_ns = history.status.half_open_ns - 1
    history.step(Elapsed())
    assert history.status.state == "open"
    history.now_ns += 1
    history.step(Elapsed())
    assert history.changes[-1] == Transition(ms(10) + seconds(5.25), "open", "half_open", "open_timeout")


def test_an_abandoned_probe_gives_its_slot_back_and_counts_for_nothing():
    history = half_open()
    ticket = breaker.ticket(history.status, SETTINGS)
    history.step(Began())
    assert not breaker.admits(history.status, SETTINGS)
    history.step(Ended("abandoned", ticket))
    assert breaker.admits(history.status, SETTINGS)
    assert (history.status.state, history.status.successes) == ("half_open", 0)


def test_one_failed_probe_reopens():
    history = half_open()
    ticket = breaker.ticket(history.status, SETTINGS)
    history.step(Began())
    history.step(Ended("success", ticket))
    history.step(Began())
    history.step(Ended("failure", ticket))
    assert history.status.state == "open"
    assert history.changes[-1].reason == "probe_failed"


def test_what_began_in_an_earlier_epoch_is_ignored():
    history = half_open()
    history.step(Ended("failure", 0))
    history.step(Ended("success", UNCOUNTED))
    assert history.status == Status("half_open", epoch=2)


def test_an_open_breaker_admits_nothing():
    history = History(SETTINGS)
    for _ in range(2):
        history.step(Ended("failure", 0))
    assert not breaker.admits(history.status, SETTINGS)
    assert breaker.ticket(history.status, SETTINGS) == UNCOUNTED
