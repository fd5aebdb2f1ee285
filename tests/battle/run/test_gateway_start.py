"""A gateway's program that never comes up ends the run; one that crashes later does not."""

import pytest

from battle import CommandGateway
from battle.actors.spec.gateways import EmbeddedGateway
from battle.actors.system import LifecycleChange
from battle.run.gateway_start import GatewayStart

PROGRAM = CommandGateway(["mine"], name="mine")


def noted(gateway, changes):
    """Why it never came up, and how often the run was stopped."""
    stopped = []
    start = GatewayStart(gateway, lambda: stopped.append(True))
    for actor, change in changes:
        start.note(LifecycleChange("gateways", actor, change, 1, reason="NodeCrashed: exit status 3"))
    return start.failure and str(start.failure), len(stopped)


@pytest.mark.parametrize(
    ("gateway", "changes", "failure"),
    [
        (PROGRAM, [("gateway", "crashed")], "gateway mine did not start: exit status 3"),
        (PROGRAM, [("gateway", "started"), ("gateway", "crashed")], None),
        (PROGRAM, [("a", "crashed")], None),
        (PROGRAM, [("gateway", "stopped")], None),
        (EmbeddedGateway(), [("gateway", "crashed")], None),
    ],
)
def test_only_a_program_that_was_never_up_has_not_started(gateway, changes, failure):
    assert noted(gateway, changes) == (failure, int(failure is not None))
