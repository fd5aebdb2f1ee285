import pytest

from tests.actors.worlds import live, simulated


@pytest.fixture(params=["simulated", pytest.param("live", marks=pytest.mark.live)])
def either_world(request):
    """Runs `main(stage)` in each of the two worlds."""
    return {"simulated": simulated, "live": live}[request.param]
