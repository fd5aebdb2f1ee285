"""Generated questions have known answers and carry the request's id."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from battle.actors.chain.generated_params import carries_id, params_for
from battle.actors.chain.methods import METHODS
from battle.actors.chain.model import ChainModel
from battle.actors.rng import Draws
from battle.actors.spec.chain import Chain
from battle.actors.wire.correlation import found_in_params, request_id
from tests.actors.chain.chains import MODEL, as_json

DRAWS = Draws(1, "questions")

methods = st.sampled_from(sorted(METHODS))
workloads = st.integers(0, 2**16 - 1)
numbers = st.integers(0, 2**48 - 1)
heads = st.integers(1000, 1300)


@given(methods, workloads, numbers, heads)
def test_every_question_has_an_answer_that_is_not_null(method, workload, number, head):
    answer = MODEL.answer(method, params_for(MODEL, method, workload, number, head, DRAWS), head)
    assert answer is not None


@given(methods, workloads, numbers, heads)
def test_the_id_is_inside_where_there_is_room_for_it(method, workload, number, head):
    text = as_json(params_for(MODEL, method, workload, number, head, DRAWS)).decode()
    assert found_in_params(text) == (request_id(workload, number) if carries_id(method) else None)


def test_most_methods_carry_the_id():
    assert sum(map(carries_id, METHODS)) == 10


@given(methods, workloads, numbers, heads)
def test_questions_are_pure_and_plain_json(method, workload, number, head):
    one = params_for(MODEL, method, workload, number, head, DRAWS)
    other = params_for(ChainModel(MODEL.spec), method, workload, number, head, Draws(1, "questions"))
    assert one == other == msgspec.json.decode(as_json(one))


def test_the_lowest_start_a_chain_may_have_leaves_room_for_the_past():
    model = ChainModel(Chain(start_height=128))
    for method in METHODS:
        for number in range(300):
            assert model.answer(method, params_for(model, method, 0, number, 128, DRAWS), 128) is not None


def test_questions_vary():
    for method in (
        "eth_getBlockByNumber",
        "eth_getBlockByHash",
        "eth_getLogs",
        "eth_getStorageAt",
        "eth_call",
    ):
        asked = {as_json(params_for(MODEL, method, 0, number, 2000, DRAWS)) for number in range(50)}
        assert len(asked) >= 10


def test_log_queries_usually_find_something_over_many_requests():
    found = [
        len(MODEL.answer("eth_getLogs", params_for(MODEL, "eth_getLogs", 0, number, 2000, DRAWS), 2000))
        for number in range(100)
    ]
    assert sum(map(bool, found)) > 90


def test_a_method_the_chain_does_not_know_is_asked_without_parameters():
    assert params_for(MODEL, "eth_mine", 0, 1, 2000, DRAWS) == []
    assert not carries_id("eth_mine")
