"""Where the questions of a workload come from: a mix of methods, or a function of the author's."""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import msgspec

from battle.actors.author_functions import place_of
from battle.actors.chain.generated_params import params_for
from battle.actors.chain.model import ChainModel
from battle.actors.chain.parameters import Params
from battle.actors.rng import Draws
from battle.actors.roles import WorkloadRole
from battle.actors.spec.workloads import HttpSessions, Methods, Replay, WsSubscribe
from battle.actors.workload.requests.author_generator import generated_call, load_generator
from battle.actors.workload.requests.call_times import CallTimes
from battle.actors.workload.requests.mix import Mix

_encode = msgspec.json.Encoder().encode


class GeneratedCall(NamedTuple):
    """What one call asks; `text` is its parameters as JSON."""

    method: str
    params: Params
    text: bytes


CallSource: TypeAlias = Callable[[int, int], GeneratedCall]
"""From the number of a call, and the moment it is due, to what it asks."""


def call_source(role: WorkloadRole, model: ChainModel, times: CallTimes) -> CallSource:
    """What makes the questions of this workload, which is no `Replay`: a trace says what it asks.

    `times` counts the calls of its generator, if it has one.

    Raises:
        GeneratorError: its generator cannot be found.
    """
    assert not isinstance(role.spec, Replay | HttpSessions | WsSubscribe), "it makes no questions"
    draws = Draws(role.seed, f"workload:{role.index}")
    if role.spec.generator:
        return _generated(role.spec.generator, draws, times)
    return _mixed(role.spec.method, role.index, model, draws)


def uses_chain_model(role: WorkloadRole) -> bool:
    """Whether all questions are made from the chain model, so that it knows all the answers."""
    return not isinstance(role.spec, Replay | HttpSessions | WsSubscribe) and not role.spec.generator


def _generated(name: str, draws: Draws, times: CallTimes) -> CallSource:
    """Each call has random numbers of its own, so shards agree, and one call less does not shift the others."""
    generator = load_generator(name)
    times.place = f"{name!r}{place_of(generator)}"
    now_ns, add = times.now_ns, times.add

    def next_call(number: int, _scheduled_ns: int) -> GeneratedCall:
        rng = draws.stream("generator", number)
        began_ns = now_ns()
        made = generated_call(name, generator, number, rng)
        add(now_ns() - began_ns)
        return GeneratedCall(*made)

    return next_call


def _mixed(methods: Methods, index: int, model: ChainModel, draws: Draws) -> CallSource:
    mix = Mix(methods, draws)

    def next_call(number: int, scheduled_ns: int) -> GeneratedCall:
        method = mix(number)
        params = params_for(model, method, index, number, model.head_at(scheduled_ns), draws)
        return GeneratedCall(method, params, _encode(params))

    return next_call
