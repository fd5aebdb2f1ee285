"""What is wrong with a scenario, all of it, before anything starts. Pure, but for the SQL of SLOs."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import get_close_matches

import msgspec

from battle.actors.chain.methods import METHODS
from battle.actors.chain.node_filters import FILTER_MAKERS
from battle.actors.chain.traces import TRACES
from battle.actors.spec.gateways import EmbeddedGateway, UrlGateway
from battle.actors.spec.providers import MockProvider, RealProvider
from battle.actors.spec.workloads import HttpSessions, Replay, Workload, WsSubscribe
from battle.errors import ScenarioError
from battle.scenario.author_checkers import checker_problems
from battle.scenario.data.part_problems import part_problems
from battle.scenario.data.shapes import all_problems_of, problems_of, shown_text
from battle.scenario.fault_validation import fault_problems, provider_choice
from battle.scenario.scenario import Scenario
from battle.scenario.slo_validation import slo_problems
from battle.store import typed

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")


def checked(scenario: Scenario) -> Scenario:
    """The scenario itself, if nothing is wrong with it.

    Raises:
        ScenarioError: naming everything that is wrong.
    """
    if problems := all_problems(scenario):
        raise ScenarioError(f"scenario {shown_text(scenario.name)!r} cannot be run", problems)
    return scenario


def all_problems(scenario: Scenario) -> list[str]:
    """Each thing wrong with a scenario, also with one that has values of wrong types."""
    try:  # Python takes anything for a field of a struct, and what is no data would only be noticed in a run
        typed.convert(msgspec.to_builtins(scenario), Scenario)
        msgspec.json.encode(scenario)
    except (TypeError, ValueError, RecursionError) as error:
        return [str(problem) for problem in all_problems_of(scenario)] or [str(error)]
    return list(scenario_problems(scenario))


def scenario_problems(scenario: Scenario) -> Iterator[str]:
    """Each thing wrong with a scenario whose values have the right types, in a sentence."""
    of_parts = list(_problems_of_parts(scenario))
    yield from (
        str(problem) for problem in problems_of(scenario) if not any(problem.is_in(one) for one in of_parts)
    )
    yield from of_parts


def _problems_of_parts(scenario: Scenario) -> Iterator[str]:
    yield from _name_problems(scenario)
    yield from scenario.chain.problems()
    yield from scenario.gateway.problems()
    for provider in scenario.providers:
        yield from part_problems(provider)
    for number, workload in enumerate(scenario.workloads, 1):
        yield from (f"workload {workload.name or number}: {p}" for p in part_problems(workload))
    yield from method_problems(scenario.workloads, scenario.providers)
    yield from _gateway_problems(scenario)
    yield from fault_problems(scenario)
    yield from slo_problems(scenario)
    yield from checker_problems(scenario.checkers)


def _name_problems(scenario: Scenario) -> Iterator[str]:
    if not scenario.name.strip():
        yield "a scenario needs a name"
    if not scenario.providers:
        yield "a scenario needs at least one provider"
    if scenario.min_requests < 0:
        yield f"min_requests must be 0 or more, not {scenario.min_requests}"
    yield from scenario.staleness.problems()
    yield from scenario.staleness.never_over(scenario.load)
    if not scenario.workloads:
        yield "a scenario needs at least one workload, or nothing is sent"
    for kind, names in (
        ("provider", [provider.name for provider in scenario.providers]),
        ("workload", [workload.name for workload in scenario.named_workloads]),
    ):
        for name, count in Counter(names).items():
            if not _NAME.fullmatch(name):
                yield f"{kind} {name!r}: a name is a lower-case letter, then up to 31 of a-z 0-9 _ -"
            if count > 1:
                yield f"{kind} {name!r} is defined more than once; names must be unique"
    for tag in scenario.tags:
        if not _NAME.fullmatch(tag):
            yield f"tag {tag!r}: a tag is a lower-case letter, then up to 31 of a-z 0-9 _ -"
    for name in sorted(scenario.provider_names & {"gateway", "coordinator"}):
        yield f"provider {name!r}: that name belongs to a node of Battle's own"


def _gateway_problems(scenario: Scenario) -> Iterator[str]:
    ports = [provider.port for provider in scenario.providers if provider.port]
    if not isinstance(scenario.gateway, UrlGateway) and scenario.gateway.port:
        ports.append(scenario.gateway.port)
    for port, count in Counter(ports).items():
        if count > 1:
            yield f"port {port} is given to {count} nodes; leave it out to get any free one"
    if isinstance(scenario.gateway, EmbeddedGateway):
        for name in sorted(scenario.gateway.seed_latencies.keys() - scenario.provider_names):
            yield f"gateway: seed_latencies names {name!r}, {provider_choice(scenario)}"


def method_problems(
    workloads: Sequence[Workload], providers: Sequence[MockProvider | RealProvider]
) -> Iterator[str]:
    """Which methods a workload asks that no provider answers, in a sentence each.

    Each such request would end with -32601, and the gateway, which passed that on as it should, would be blamed for
    it. Real providers know what they know; and an author who wants that error asks from a generator or a trace.
    """
    if any(isinstance(provider, RealProvider) for provider in providers):
        return
    canned = {
        method for provider in providers if isinstance(provider, MockProvider) for method in provider.canned
    }
    capable = {
        method
        for provider in providers
        if isinstance(provider, MockProvider)
        for capability in provider.capabilities
        for method in TRACES[capability]
    }
    traces = {method for methods in TRACES.values() for method in methods}
    known = sorted((METHODS.keys() - traces) | capable | FILTER_MAKERS.keys() | canned)
    for number, workload in enumerate(workloads, 1):
        for method in _methods_of(workload):
            if method not in known:
                yield f"workload {workload.name or number}: {_unknown(method, known)}"


def _methods_of(workload: Workload) -> tuple[str, ...]:
    """The methods that the scenario itself names; none of a generator, a trace or a subscriber."""
    if isinstance(workload, HttpSessions):
        return tuple(dict.fromkeys(step.method for step in workload.steps))
    if isinstance(workload, Replay | WsSubscribe) or not workload.method:
        return ()
    return (workload.method,) if isinstance(workload.method, str) else tuple(workload.method)


def _unknown(method: str, known: Sequence[str]) -> str:
    nearest = get_close_matches(method, known, n=1, cutoff=0.0)
    meant = f"the nearest that is answered is {nearest[0]!r}" if nearest else "none is answered"
    return f"no provider answers the method {method!r}; {meant}, and a provider's `canned` can answer any"
