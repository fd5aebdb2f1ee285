"""What clients got of the heads that they subscribed to."""

from battle.scenario.slo.metric import Metric

MAX_MISSED_HEADS = Metric(
    place=120,
    name="max_missed_heads",
    count=True,
    log_name="missed_heads",
    parts=("window", "workload"),
    collect=None,
    needs="heads",
    samples="heads",
    rests_on_bench=True,
)

MAX_DUPLICATE_HEADS = Metric(
    place=130,
    name="max_duplicate_heads",
    count=True,
    log_name="duplicate_heads",
    parts=("window", "workload"),
    collect=None,
    needs="heads",
    samples="heads",
    rests_on_bench=True,
)

MAX_HEAD_DELAY_MS = Metric(
    place=140,
    name="max_head_delay_ms",
    unit="ms",
    log_name="head_delay_p99_ns",
    scale=1e-6,
    parts=("window", "workload"),
    collect=None,
    needs="heads",
    samples="heads",
    rests_on_bench=True,
)

# A silence that a window cuts has no length of its own.
MAX_SILENCE_MS = Metric(
    place=150,
    name="max_silence_ms",
    unit="ms",
    log_name="longest_silence_ns",
    scale=1e-6,
    parts=("workload",),
    collect=None,
    needs="heads",
    rests_on_bench=True,
)
