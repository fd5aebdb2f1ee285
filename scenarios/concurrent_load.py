"""Everything at once: many methods over both transports, in every rhythm, each with SLOs of its own.

What one kind of client does must not be paid for by another: bursts of logs queries not by wallets, batches not by
subscribers. Meanwhile one provider dies and another fails now and then. `concurrent_load:short` takes 20 seconds.

Transactions have SLOs of their own: a gateway may resend them, and may as well refuse to send again what a
provider may have taken. Then some fail under the faults, and none may fail outside of them.
"""

from battle import (
    Chain,
    EmbeddedGateway,
    ErrorRate,
    HttpBurst,
    HttpConstant,
    HttpPoisson,
    HttpRamp,
    Kill,
    MockProvider,
    Scenario,
    Slo,
    WsRequests,
    WsSubscribe,
    ms,
    seconds,
)

WALLET: dict[str, float] = {
    "eth_getBalance": 4,
    "eth_getTransactionCount": 2,
    "eth_gasPrice": 1,
    "eth_feeHistory": 1,
}
EXPLORER: dict[str, float] = {
    "eth_getBlockByNumber": 3,
    "eth_getTransactionReceipt": 2,
    "eth_getTransactionByHash": 2,
}


def concurrent_load(
    death: Kill, errors: ErrorRate, *, duration: int, slack: float, tag: str, failover: bool = True
) -> Scenario:
    """The battle with the given death of `a` and spell of errors of `b`; with `failover` off it can be lost.

    Latencies may be `slack` times what a machine with nothing else to do makes them.
    """
    return Scenario(
        "Concurrent load",
        proves="clients of every kind are served side by side through a death and a spell of errors",
        providers=[
            MockProvider("a", latency=ms(15)),
            MockProvider("b", latency=ms(25)),
            MockProvider("c", latency=ms(35)),
        ],
        gateway=EmbeddedGateway(strategy="round_robin", failover=failover),
        workloads=[
            HttpPoisson(WALLET, rate=40, duration=duration, name="wallets"),
            HttpConstant(EXPLORER, rate=20, duration=duration, name="explorer"),
            HttpConstant("eth_call", rate=4, batch=10, duration=duration, name="batches"),
            HttpBurst("eth_getLogs", size=10, every=seconds(3), duration=duration, name="indexer"),
            HttpRamp("eth_sendRawTransaction", start_rate=10, end_rate=20, duration=duration, name="senders"),
            WsRequests("eth_blockNumber", rate=20, connections=4, duration=duration, name="tickers"),
            WsSubscribe(connections=10, duration=duration, name="watchers"),
        ],
        chain=Chain(block_time=seconds(1)),
        chaos=[death, errors],
        slo=[
            Slo(min_failovers=10, max_attempts_per_request=2, max_wrong_answers=0),
            Slo(workload="senders", when="before", success_rate=0.98, p95_latency_ms=200 * slack),
            Slo(workload="senders", when="after", success_rate=0.98, p95_latency_ms=200 * slack),
        ],
        workload_slos={
            "wallets": Slo(success_rate=0.995, p95_latency_ms=150 * slack),
            "explorer": Slo(success_rate=0.995, p95_latency_ms=150 * slack),
            "batches": Slo(success_rate=0.99, p95_latency_ms=200 * slack),
            "indexer": Slo(success_rate=0.99, p95_latency_ms=500 * slack),
            "senders": Slo(success_rate=0.8, p50_latency_ms=200 * slack),
            "tickers": Slo(success_rate=0.99, p95_latency_ms=200 * slack),
            "watchers": Slo(max_missed_heads=0, max_duplicate_heads=0, max_silence_ms=5000),
        },
        tags=(tag,),
    )


scenario = concurrent_load(
    Kill("a", at=seconds(6), down=seconds(6)),
    ErrorRate("b", at=seconds(16), duration=seconds(8), ratio=0.3),
    duration=seconds(30),
    slack=1,
    tag="slow",
)
short = concurrent_load(
    Kill("a", at=seconds(3), down=seconds(4)),
    ErrorRate("b", at=seconds(11), duration=seconds(5), ratio=0.3),
    duration=seconds(20),
    slack=2,
    tag="fast",
)
