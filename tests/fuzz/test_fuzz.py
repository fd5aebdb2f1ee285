"""Thousands of malformed inputs at a provider and a gateway: none crashes, hangs or fattens it, each is answered."""

from collections import Counter

import msgspec
import pytest

from battle.actors.units import ms
from tests.actors.worlds import live, simulated
from tests.fuzz.http_inputs import http_input
from tests.fuzz.inputs import HalfClose, Wait
from tests.fuzz.rpc_inputs import rpc_input, ws_rpc_input
from tests.fuzz.stage import gateway_node, made, play, provider_node
from tests.fuzz.ws_inputs import ws_input

FAMILIES = (http_input, rpc_input, ws_input, ws_rpc_input)
NODES = (provider_node, gateway_node)

QUICK, LONG, LIVE = 60, 1500, 25
"""Inputs for each node and family."""

WARM_UP = 30
"""After so many inputs whatever is kept for good, within limits, is there."""

LIVE_END_WITHIN = 5
"""Seconds after the client has ended its side."""

each_node = pytest.mark.parametrize("node", NODES)
each_family = pytest.mark.parametrize("family", FAMILIES)


@each_node
@each_family
def test_a_node_bears_with_malformed_input(node, family):
    played = play(simulated, node, made(family, QUICK), warm_up=WARM_UP)
    assert played.inputs == QUICK


@pytest.mark.slow
def test_ten_thousand_inputs():
    total = 0
    statuses, closes, codes = Counter(), Counter(), Counter()
    for node in NODES:
        for family in FAMILIES:
            played = play(simulated, node, made(family, LONG, seed=1), warm_up=WARM_UP)
            total += played.inputs
            statuses += played.statuses
            closes += played.closes
            codes += played.codes
    assert total >= 10_000
    # Inputs that all fail alike would reach little of what is under test.
    assert set(statuses) >= {101, 200, 204, 400, 405, 408, 413, 414, 426, 431, 501}
    assert set(closes) >= {1000, 1002, 1007, 1009}
    assert set(codes) >= {-32700, -32600, -32601, -32602, -32000, -32005}


def _hurried(one):
    """The same without long waits, and with a client that leaves: what it is owed is seen in virtual time."""
    steps = [Wait(ms(1)) if isinstance(step, Wait) else step for step in one.steps]
    return msgspec.structs.replace(one, steps=(*steps, Wait(ms(20)), HalfClose()))


@pytest.mark.live
@each_node
@each_family
def test_the_same_on_real_sockets(node, family):
    inputs = map(_hurried, made(family, LIVE, seed=2))
    played = play(live, node, inputs, end_within=LIVE_END_WITHIN, warm_up=LIVE // 2)
    assert played.inputs == LIVE
