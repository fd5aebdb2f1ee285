from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from battle.actors.chain.generated_params import carries_id
from battle.actors.chain.methods import METHODS
from battle.actors.chain.model import ChainModel
from battle.actors.roles import WorkloadRole
from battle.actors.spec.chain import Chain
from battle.actors.spec.endpoints import Endpoint
from battle.actors.spec.limits import HttpLimits
from battle.actors.spec.workloads import HttpConstant, Methods
from battle.actors.units import seconds
from battle.actors.wire.correlation import found_in_params
from battle.actors.wire.http.messages import HttpRequest
from battle.actors.wire.http.parsers import RequestParser
from battle.actors.wire.jsonrpc import Call, read_calls
from battle.actors.workload.requests.request import RequestBuilder

CHAIN = Chain()


def builder(methods: Methods, *, index: int = 2, seed: int = 1) -> RequestBuilder:
    spec = HttpConstant(methods, rate=1, duration=seconds(1))
    role = WorkloadRole(spec, index, 0, Endpoint("server:8545", "/rpc"), CHAIN, seed)
    return RequestBuilder(role, ChainModel(CHAIN))


def parsed(wire: bytes) -> tuple[HttpRequest, Call]:
    parser = RequestParser(HttpLimits())
    parser.feed(wire)
    request = parser.next_request()
    assert request is not None
    call = read_calls(request.body)
    assert isinstance(call, Call)
    return request, call


@pytest.mark.parametrize("method", [*METHODS, "not_of_the_chain", 'needs "quotes"'])
def test_the_wire_holds_a_valid_call_with_the_request_s_id(method: str) -> None:
    built = builder(method).build(17, seconds(3))
    request, call = parsed(built.wire)
    assert (request.method, request.target, request.keep_alive) == ("POST", "/rpc", True)
    assert request.headers[b"host"] == b"server:8545"
    assert request.headers[b"content-type"] == b"application/json"
    assert request.headers[b"x-battle-request"] == b"w2-17"
    assert (call.method, bytes(call.id)) == (method, b'"w2-17"')  # type: ignore[arg-type]
    assert call.params == built.params
    assert (built.id, built.method, built.scheduled_ns, built.ended) == ("w2-17", method, seconds(3), False)


@pytest.mark.parametrize("method", [method for method in METHODS if carries_id(method)])
def test_the_parameters_carry_the_id_where_they_can(method: str) -> None:
    _, call = parsed(builder(method).build(17, 0).wire)
    assert found_in_params(str(call.params)) == "w2-17"


@given(st.permutations(range(30)))
def test_a_request_depends_on_its_number_and_due_time_alone(order: list[int]) -> None:
    mix: dict[str, Any] = {"eth_call": 1.0, "eth_getLogs": 1.0, "eth_chainId": 1.0}
    wires = {}
    mixed_up = builder(mix)
    for number in order:
        wires[number] = mixed_up.build(number, number * seconds(1)).wire
    in_order = builder(mix)
    assert [wires[n] for n in range(30)] == [in_order.build(n, n * seconds(1)).wire for n in range(30)]


def test_another_seed_asks_other_questions() -> None:
    questions = [builder("eth_getBlockByHash", seed=seed).build(0, 0).params for seed in range(20)]
    assert len({str(params) for params in questions}) > 10
