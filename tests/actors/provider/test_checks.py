"""A canned answer that nobody can understand is told before the run."""

import pytest

from battle.actors.provider.checks import provider_problems
from battle.actors.spec.providers import MockProvider

SOUND = {"error": {"code": 3, "message": "execution reverted", "data": "0x08c379a0"}}


@pytest.mark.parametrize(
    ("error", "problem"),
    [
        ({"code": 3}, "missing required field `message`"),
        ({"message": "no"}, "missing required field `code`"),
        ({"code": "3", "message": "no"}, "Expected `int`"),
        ({"code": 3, "message": "no", "date": 1}, "unknown field `date`"),
        ("no", "Expected `object`"),
    ],
)
def test_a_canned_error_that_is_none_is_said_before_the_run(error, problem):
    (told,) = provider_problems(MockProvider("a", canned={"eth_call": {"error": error}, "m": SOUND, "n": 1}))
    assert told.startswith("provider a: the canned answer to eth_call: an error is written {")
    assert problem in told
