"""The example at the head of the actor system does what it shows."""

import doctest

import battle.actors.system


def test_the_example_of_an_actor_under_a_supervisor_holds() -> None:
    results = doctest.testmod(battle.actors.system)
    assert results.attempted > 0
    assert results.failed == 0
