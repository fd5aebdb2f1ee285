import pytest

from tests.actors.link.stage import alone, behind_a_link
from tests.actors.worlds import live, simulated


@pytest.fixture(params=["simulated", pytest.param("live", marks=pytest.mark.live)])
def either_world(request):
    """Runs `main(stage)` in each of the two worlds."""
    return {"simulated": simulated, "live": live}[request.param]


@pytest.fixture(params=[alone, behind_a_link], ids=["provider", "link"])
def play(request, either_world):
    """Plays `script(stage, target)` with a provider, and with the link before one, in each of the two worlds."""

    def played(script, **spec):
        async def main(stage):
            async with request.param(stage, **spec) as target:
                return await script(stage, target)

        return either_world(main)

    return played
