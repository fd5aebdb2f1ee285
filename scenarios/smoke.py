"""Five seconds that show whether everything works at all: two providers, a gateway, a little load, one kill."""

from battle import Breaker, EmbeddedGateway, HttpConstant, Kill, MockProvider, Scenario, Slo, ms, seconds

scenario = Scenario(
    "Smoke",
    proves="everything works: load flows, answers are right, one provider's death is survived",
    providers=[MockProvider("a", latency=ms(5)), MockProvider("b", latency=ms(10))],
    # The breaker asks again soon, so that the killed provider is readmitted before the five seconds are over.
    gateway=EmbeddedGateway(strategy="priority", breaker=Breaker(open_for=ms(500))),
    workloads=[HttpConstant({"eth_blockNumber": 2, "eth_getBalance": 1}, rate=50, duration=seconds(5))],
    chaos=[Kill("a", at=seconds(1), down=seconds(1.5))],
    slo=Slo(success_rate=0.99, p95_latency_ms=200, min_failovers=1, max_wrong_answers=0),
    tags=("fast",),
)
