"""A request's id is found again whatever a gateway does to the rest of the request."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from battle.actors.wire.correlation import embedded, found_in_params, found_in_request, number_id, request_id

workloads = st.integers(0, 2**16 - 1)
numbers = st.integers(0, 2**48 - 1)


@given(workloads, numbers, st.sampled_from([20, 32]))
def test_an_embedded_id_has_the_size_asked_for_and_is_found(workload, number, size_bytes):
    text = embedded(workload, number, size_bytes)
    assert re.fullmatch(rf"0x[0-9a-f]{{{2 * size_bytes}}}", text)
    assert found_in_params(f'[{{"to":"{text}"}},"latest"]') == request_id(workload, number)


@given(workloads, numbers)
def test_an_id_survives_a_change_of_case(workload, number):
    assert found_in_params(embedded(workload, number, 20).upper()) == request_id(workload, number)


@given(workloads, numbers)
def test_each_way_of_carrying_the_id_is_enough(workload, number):
    name = request_id(workload, number)
    params = embedded(workload, number, 20)
    assert found_in_request({b"x-battle-request": name.encode()}, b"1", "") == name
    assert found_in_request({}, f'"{name}"'.encode(), "") == name
    assert found_in_request({}, b"17", params) == name


@given(st.integers(0, 998), st.integers(0, 10**11 - 1))
def test_a_number_carries_the_id_too(workload, number):
    name, as_number = request_id(workload, number), number_id(workload, number)
    assert as_number < 2**53  # what JavaScript reads exactly
    assert found_in_request({}, str(as_number).encode(), "") == name
    assert found_in_request({}, f'"{as_number}"'.encode(), "") == name


@pytest.mark.parametrize(
    "call_id", [b"498", b"1764590123456", b"1764590123456789", b"-1000000000001", b"1e12"]
)
def test_numbers_that_others_use_are_not_ours(call_id):
    assert found_in_request({}, call_id, "[]") is None


def test_the_header_is_believed_before_the_id_and_the_id_before_the_parameters():
    params = embedded(0, 3, 20)
    assert found_in_request({b"x-battle-request": b"w0-1"}, b'"w0-2"', params) == "w0-1"
    assert found_in_request({}, b'"w0-2"', params) == "w0-2"


@pytest.mark.parametrize("call_id", [b"", b"1", b"null", b'"w0"', b'"w0-1x"', b'"\xff"'])
def test_what_others_send_has_no_id(call_id):
    assert found_in_request({b"host": b"a"}, call_id, '["0xdeadbeef00000000"]') is None


def test_numbers_that_do_not_fit_are_our_own_mistake():
    with pytest.raises(AssertionError):
        embedded(2**16, 0, 20)
    with pytest.raises(AssertionError):
        embedded(0, 2**48, 20)
