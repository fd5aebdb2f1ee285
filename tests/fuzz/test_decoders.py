"""Each decoder of foreign bytes takes any bytes: noise, mangled messages, and odd values in the place of good ones.

The same functions are fuzzed for longer, with coverage as their guide, by `make fuzz`.
"""

import re
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.inputs import mangle
from tools.fuzz.seeds import ODD_VALUES, seeds
from tools.fuzz.targets import TARGETS

each_target = pytest.mark.parametrize("name", TARGETS)

_VALUE = re.compile(rb'"[^"]*"|-?\d+|true|false|null|\[\]')


def spoiled(rng: Random, text: bytes) -> bytes:
    """A text with odd values in the place of one or two others."""
    for _ in range(rng.choice((1, 1, 2))):
        places = [*_VALUE.finditer(text)]
        if places:
            place = rng.choice(places)
            text = text[: place.start()] + rng.choice(ODD_VALUES) + text[place.end() :]
    return text


@each_target
def test_what_it_is_made_for_is_taken(name):
    for seed in seeds(name):
        TARGETS[name](seed)


@each_target
@given(data=st.binary(max_size=300))
@settings(max_examples=50)
def test_noise_is_taken(name, data):
    TARGETS[name](data)


@each_target
@given(seed=st.integers(0, 2**32))
@settings(max_examples=150, deadline=None)
def test_spoiled_and_mangled_messages_are_taken(name, seed):
    rng = Random(seed)
    message = rng.choice([*seeds(name)])
    TARGETS[name](spoiled(rng, message))
    TARGETS[name](mangle(rng, message))


@each_target
def test_every_odd_value_is_taken_in_every_place(name):
    for message in seeds(name):
        places = [*_VALUE.finditer(message)][:40]
        for place in places:
            for odd in ODD_VALUES:
                TARGETS[name](message[: place.start()] + odd + message[place.end() :])
