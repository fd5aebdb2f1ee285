"""What a scenario says about load over HTTP."""

from collections.abc import Iterator
from math import inf
from typing import TypeAlias

from battle.actors.rng import Random
from battle.actors.spec.base import Spec
from battle.actors.spec.latency import LatencyModel, latency_problems
from battle.actors.spec.workloads.problems import (
    Methods,
    duration_problems,
    id_problems,
    question_problems,
    rate_problems,
    reading_problems,
    shard_problems,
    span_problems,
    start_problems,
)
from battle.actors.spec.workloads.stages import RateStage, UserStage, length_of, stage_problems
from battle.actors.units import Duration, format_duration, seconds

MAX_BATCH_CALLS = 1000
"""What servers are used to take in one batch at most, Battle's own providers too."""

MAX_STEPS = 1000
"""Steps of one `HttpStep`: more are a ramp."""


DEFAULT_CONNECTIONS = 1024
"""Far more than most loads ever have open, and less than most systems let a process have."""


class Connected(Spec, frozen=True, kw_only=True):
    """What all workloads over HTTP connections have in common."""

    name: str = ""
    at: Duration = 0
    """It begins so long after the start of the load."""
    timeout: Duration = seconds(10)
    """Counted from the moment a request was due."""
    max_connections: int | None = None
    """Of one node, at most. By default `DEFAULT_CONNECTIONS`, and of `HttpUsers` as many as there are users."""
    number_ids: float = 0.0
    """The share of requests whose JSON-RPC id is a number; the others have texts. Of a batch, all calls or none."""
    receive_buffer: int | None = None
    """Bytes that its clients let the gateway send ahead of what they have read. By default as the machine has it, and
    16 KiB where there is a `read_rate`."""
    read_rate: float | None = None
    """Bytes a second that each of its connections reads at most. The delays of such clients are partly their own
    doing."""

    @property
    def connection_limit(self) -> int:
        """`max_connections`, or what stands for it."""
        return DEFAULT_CONNECTIONS if self.max_connections is None else self.max_connections

    def connection_problems(self) -> Iterator[str]:
        yield from start_problems(self.at)
        yield from id_problems(self.number_ids)
        yield from reading_problems(self.receive_buffer, self.read_rate)
        if self.timeout <= 0:
            yield f"timeout must be above 0, not {format_duration(self.timeout)}"
        if self.connection_limit <= 0:
            yield f"max_connections must be above 0, not {self.max_connections}"


class _WithMethod(Connected, frozen=True):
    """What the workloads have in common that make up their calls; the method may stand first."""

    method: Methods = ""


class _Http(_WithMethod, frozen=True, kw_only=True):
    generator: str = ""
    """Makes the questions instead of `method`: the name of a function, "package.module:function" or
    "path/to/file.py:function", that takes a number and a `random.Random` and returns (method, parameters)."""
    batch: int = 1
    """Calls per request: above 1, each request is a JSON-RPC batch, logged as one with the method "batch"."""

    def common_problems(self) -> Iterator[str]:
        yield from self.connection_problems()
        if not 1 <= self.batch <= MAX_BATCH_CALLS:
            yield f"batch must be from 1 to {MAX_BATCH_CALLS} calls, not {self.batch}"
        yield from question_problems(self.method, self.generator)


class HttpScheduled(_Http, frozen=True, kw_only=True):
    """Open loop over HTTP, by an arrival schedule of its own. The base of those in `kinds/`."""

    shards: int = 1

    @property
    def duration(self) -> Duration:
        """How long the load lasts: a field of the kind, or what follows from its fields."""
        raise NotImplementedError

    def arrivals(self, rng: Random) -> Iterator[int]:
        """When its requests are due, in ns from the start of this workload: ascending, all before `duration`.

        Pure: the same fields and the same numbers from `rng` give the same times, on each shard and after a restart.
        Yield them one by one, as a load can be long.
        """
        raise NotImplementedError

    def problems(self) -> Iterator[str]:
        yield from self.common_problems()
        yield from span_problems(self.duration, self.shards)


class HttpConstant(_Http, frozen=True, kw_only=True, tag="http_constant"):
    """Open loop: `rate` requests a second, evenly spaced, whether or not earlier ones were answered."""

    rate: float
    duration: Duration
    shards: int = 1

    def problems(self) -> Iterator[str]:
        yield from self.common_problems()
        yield from rate_problems("rate", self.rate)
        yield from span_problems(self.duration, self.shards)


class HttpPoisson(_Http, frozen=True, kw_only=True, tag="http_poisson"):
    """Open loop: arrivals of a Poisson process with a mean of `rate` requests a second."""

    rate: float
    duration: Duration
    shards: int = 1

    def problems(self) -> Iterator[str]:
        yield from self.common_problems()
        yield from rate_problems("rate", self.rate)
        yield from span_problems(self.duration, self.shards)


class HttpBurst(_Http, frozen=True, kw_only=True, tag="http_burst"):
    """Open loop: `size` requests at once, the first time at the start and then every `every`.

    Between the bursts, and beside them, flow `rate` requests a second, evenly spaced.
    """

    size: int
    every: Duration
    duration: Duration
    rate: float = 0.0
    shards: int = 1

    def problems(self) -> Iterator[str]:
        yield from self.common_problems()
        if self.size <= 0:
            yield f"size must be above 0 requests, not {self.size}"
        if self.every <= 0:
            yield f"every must be above 0, not {format_duration(self.every)}"
        yield from rate_problems("rate", self.rate, may_be_none=True)
        yield from span_problems(self.duration, self.shards)


class HttpRamp(_Http, frozen=True, kw_only=True, tag="http_ramp"):
    """Open loop: the rate goes evenly from `start_rate` to `end_rate` requests a second, up or down."""

    start_rate: float
    end_rate: float
    duration: Duration
    shards: int = 1

    def problems(self) -> Iterator[str]:
        yield from self.common_problems()
        for name, rate in (("start_rate", self.start_rate), ("end_rate", self.end_rate)):
            yield from rate_problems(name, rate, may_be_none=True)
        if self.start_rate == self.end_rate == 0:
            yield "start_rate and end_rate cannot both be 0, or nothing is sent"
        yield from span_problems(self.duration, self.shards)


class HttpStages(_Http, frozen=True, kw_only=True, tag="http_stages"):
    """Open loop: the rate goes from `start_rate` requests a second evenly to that of the first stage, and so on.

    Such as `stages=(RateStage(duration=seconds(30), rate=200), RateStage(duration=minutes(2), rate=200))`: up to
    200/s within 30 s, and on at that rate. In files: `stages = [{ duration = "30s", rate = 200 }, ...]`.
    """

    stages: tuple[RateStage, ...]
    start_rate: float = 0.0
    shards: int = 1

    @property
    def duration(self) -> Duration:
        """All stages together."""
        return length_of(self.stages)

    def problems(self) -> Iterator[str]:
        yield from self.common_problems()
        yield from stage_problems(self.stages)
        yield from rate_problems("start_rate", self.start_rate, may_be_none=True)
        yield from shard_problems(self.shards)
        if not self.start_rate and not any(stage.rate for stage in self.stages):
            yield "start_rate and the rates of all stages cannot all be 0, or nothing is sent"


class HttpStep(_Http, frozen=True, kw_only=True, tag="http_step"):
    """Open loop, to find the knee: a constant rate for `step_duration`, then the next.

    The rates are `start_rate`, `start_rate + step`, ... up to `end_rate`, which is one of them when the steps
    hit it; or those listed in `rates`. `run.json` always has them listed.
    """

    step_duration: Duration
    start_rate: float = 0.0
    step: float = 0.0
    end_rate: float = 0.0
    rates: tuple[float, ...] = ()
    shards: int = 1

    @property
    def all_rates(self) -> tuple[float, ...]:
        """The rate of each step, in order; none when the fields make no sense."""
        if self.rates or not (0 < self.start_rate <= self.end_rate < inf and 0 < self.step < inf):
            return self.rates
        # A hair more than exact: 0.1 + 0.1 + 0.1 is above 0.3.
        further = int(min((self.end_rate - self.start_rate) / self.step + 1e-9, MAX_STEPS))
        return tuple(self.start_rate + number * self.step for number in range(further + 1))

    @property
    def duration(self) -> Duration:
        """All steps together."""
        return len(self.all_rates) * self.step_duration

    def problems(self) -> Iterator[str]:
        yield from self.common_problems()
        yield from self._step_problems()
        if self.step_duration <= 0:
            yield f"step_duration must be above 0, not {format_duration(self.step_duration)}"
        yield from shard_problems(self.shards)

    def _step_problems(self) -> Iterator[str]:
        if self.rates:
            if self.start_rate or self.step or self.end_rate:
                yield "either rates, or start_rate, step and end_rate, not both"
            for rate in self.rates:
                yield from rate_problems("each of rates", rate)
        else:
            yield from rate_problems("start_rate", self.start_rate)
            yield from rate_problems("step", self.step)
            if self.end_rate < self.start_rate:
                yield f"end_rate must be at least start_rate, {self.start_rate}, not {self.end_rate}"
            else:
                yield from rate_problems("end_rate", self.end_rate)
        if len(self.all_rates) > MAX_STEPS:
            yield f"at most {MAX_STEPS} steps: use HttpRamp, or a larger step"


class HttpUsers(_Http, frozen=True, kw_only=True, tag="http_users"):
    """Closed loop, for comparison only: `users` callers who each wait for an answer before they ask again.

    Between an answer and the next question each of them pauses for `think_time`, a duration or a distribution. With
    `stages` instead of `duration` users come and leave: `users` are there at the start (none, if nothing is said),
    then their number goes evenly to that of each stage, as in `stages=(UserStage(duration=seconds(30), users=100),)`.
    One who leaves waits for the answer to the last question. A closed loop slows down with the system it measures
    and so hides stalls; its latency counts from the moment of sending.
    """

    users: int = 0
    duration: Duration = 0
    think_time: LatencyModel = 0
    stages: tuple[UserStage, ...] = ()
    shards: int = 1

    @property
    def length(self) -> Duration:
        """How long the load lasts: `duration`, or all stages together."""
        return length_of(self.stages) if self.stages else self.duration

    @property
    def most_users(self) -> int:
        """The most there are at once."""
        return max(self.users, *(stage.users for stage in self.stages), 0)

    @property
    def connection_limit(self) -> int:
        """Each user has a connection, unless `max_connections` says otherwise."""
        if self.max_connections is not None:
            return self.max_connections
        return max(DEFAULT_CONNECTIONS, self.most_users)

    def problems(self) -> Iterator[str]:
        yield from self.common_problems()
        yield from latency_problems("think_time", self.think_time)
        yield from shard_problems(self.shards)
        if self.users < 0 or self.most_users <= 0:
            yield f"users must be above 0, not {self.users}"
        if self.stages:
            yield from stage_problems(self.stages)
            if self.duration:
                yield "give either a duration or stages, not both"
        else:
            yield from duration_problems(self.duration)


class Replay(Connected, frozen=True, tag="replay"):
    """Open loop: the calls of a recorded trace, each at its time; `speed` 2.0 is twice as fast.

    `path`, taken from the working directory, is a file of JSON lines, such as `{"at_ms": 12.5, "method": "eth_call",
    "params": [...]}`: times count from the start of this workload, in `at_ms` or `at_ns`. A call with `"expect":
    {"result": ...}` or `"expect": {"error": {"code": ..., "message": ...}}` has that answer for its only right one; a
    recorded `response` in the form of JSON-RPC means the same. A line that is a list of calls is a batch: the first
    says its time. Other answers are judged by the chain model; those that it does not know count as `none`.
    """

    path: str
    speed: float = 1.0
    shards: int = 1

    def problems(self) -> Iterator[str]:
        yield from self.connection_problems()
        if not 0 < self.speed < inf:
            yield f"speed must be a finite number above 0, not {self.speed}"
        yield from shard_problems(self.shards)


HttpOpenLoop: TypeAlias = (
    HttpConstant | HttpPoisson | HttpBurst | HttpRamp | HttpStages | HttpStep | Replay | HttpScheduled
)
HttpWorkload: TypeAlias = HttpOpenLoop | HttpUsers
