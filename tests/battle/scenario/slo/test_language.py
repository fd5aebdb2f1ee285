"""Demands in words: what they mean, and what is said about those that mean nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from battle.scenario.slo.language import (
    TEXT_MAX,
    SloTextError,
    parse_slo,
    slo_texts,
)
from battle.scenario.slo.metrics import METRICS
from battle.scenario.slo.scope import RELATIVE, RESERVED
from battle.scenario.slo.slo import Slo

S = 10**9

NAMES = st.from_regex(r"[a-z][a-z0-9_-]{0,12}", fullmatch=True)
WORDS = st.one_of(
    NAMES, st.sampled_from(sorted(RESERVED)), st.from_regex(r"[A-Za-z_%=<>.-]{1,9}", fullmatch=True)
)


@st.composite
def slos(draw: st.DrawFn) -> Slo:
    """An `Slo` with one target, and any scope that it can have."""
    name = draw(st.sampled_from(sorted(METRICS)))
    metric = METRICS[name]
    if metric.count:
        limit: float = draw(st.integers(0, 10**9))
    else:
        limit = draw(st.one_of(st.integers(1, 10**6), st.floats(1e-6, 1e9)))
    values: dict[str, object] = {name: limit}
    if metric.can_be_of("window"):
        values["when"] = draw(st.one_of(st.sampled_from(("run", *RELATIVE)), NAMES))
    if values.get("when") in RELATIVE:
        words = draw(st.lists(WORDS, max_size=3))
        values["fault"] = " ".join(words) or None
        if values["when"] != "before":
            values["grace"] = draw(st.integers(0, 10**13))
    if metric.can_be_of("workload"):
        values["workload"] = draw(st.one_of(st.none(), WORDS))
    if metric.can_be_of("method"):
        values["method"] = draw(st.one_of(st.none(), WORDS, st.just("eth call")))
    return Slo(**values)  # type: ignore[arg-type]


@given(slos())
def test_a_demand_survives_its_text(slo: Slo) -> None:
    (text,) = slo_texts(slo)
    assert parse_slo(text) == slo
    assert slo_texts(parse_slo(text)) == (text,)


@given(
    st.text(max_size=60)
    | st.lists(st.sampled_from([*METRICS, *RESERVED, "<", ">=", "99", "%", '"']), max_size=9)
)
def test_any_text_is_a_demand_or_one_clear_error(text: str | list[str]) -> None:
    try:
        slo = parse_slo(text if isinstance(text, str) else " ".join(text))
    except SloTextError:
        return
    assert len(slo.targets()) == 1


@pytest.mark.parametrize(
    ("text", "slo"),
    [
        ("p95_latency_ms<300 during fault", Slo(p95_latency_ms=300, when="during")),
        ("p95_latency_ms <= 300.5 during faults", Slo(p95_latency_ms=300.5, when="during")),
        ("success_rate >= 0.999", Slo(success_rate=0.999)),
        ("success_rate >= 99.9 %", Slo(success_rate=0.999)),
        ("success_rate>99%in peak", Slo(success_rate=0.99, when="peak")),
        ("min_failovers > 0 during fault kill a", Slo(min_failovers=1, when="during", fault="kill a")),
        ("max_wrong_answers < 1 in phase peak", Slo(max_wrong_answers=0, when="peak")),
        ("max_stale_answers <= 3 before faults", Slo(max_stale_answers=3, when="before")),
        ('p50_latency_ms < 9 of method "odd method"', Slo(p50_latency_ms=9, method="odd method")),
        ("p99_latency_ms < 9 workload for", Slo(p99_latency_ms=9, workload="for")),
        (
            "success_rate >= 99.9% after faults grace 5s for workload reads method eth_call",
            Slo(success_rate=0.999, when="after", grace=5 * S, workload="reads", method="eth_call"),
        ),
        (
            "success_rate >= 99% during fault flap-a.2 grace 500ms of method eth_call and workload reads",
            Slo(
                success_rate=0.99,
                when="during",
                fault="flap-a.2",
                grace=S // 2,
                workload="reads",
                method="eth_call",
            ),
        ),
    ],
)
def test_what_a_text_means(text: str, slo: Slo) -> None:
    assert parse_slo(text) == slo


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "ends too early: expected an SLO name"),
        ("p96_latency_ms < 3", 'at "p96_latency_ms" (character 1): there is no such SLO'),
        ("p95_latency_ms", "expected <= or <"),
        ("p95_latency_ms >= 3", 'at ">=" (character 16): p95_latency_ms is limited by <= or <'),
        ("success_rate < 99%", 'at "<" (character 14): success_rate is limited by >= or >'),
        (
            "p95_latency_ms < 300ms",
            'at "300ms" (character 18): p95_latency_ms takes a number of milliseconds',
        ),
        ("p95_latency_ms < 300 %", 'at "%" (character 22): only success_rate is a share'),
        ("min_failovers > 0.5", 'at "0.5" (character 17): min_failovers takes a whole number'),
        ("p95_latency_ms < 1e999", "this number is too large"),
        ("p95_latency_ms < 300 durng fault", 'at "durng" (character 22): expected one of before, during'),
        ("p95_latency_ms < 300 during", "expected fault or faults"),
        ("p95_latency_ms < 300 during lunch", 'at "lunch" (character 29): expected fault or faults'),
        ("p95_latency_ms < 300 in", "expected the name of a phase"),
        ("p95_latency_ms < 300 grace 5", 'at "5" (character 28): grace takes a duration such as 5s'),
        ("p95_latency_ms < 300 for reads", 'at "reads" (character 26): expected workload or method'),
        ("p95_latency_ms < 300 in a in b", 'at "in" (character 27): when is given twice'),
        (
            'p95_latency_ms < 300 method "eth',
            'at """ (character 29): this quote is never closed',
        ),
        ("p95_latency_ms < 300 " + "x" * TEXT_MAX, "at most 1,000 characters"),
    ],
)
def test_what_is_wrong_with_a_text_points_at_the_word(text: str, why: str) -> None:
    with pytest.raises(SloTextError) as caught:
        parse_slo(text)
    assert why in str(caught.value)


def test_several_demands_are_several_texts() -> None:
    slo = Slo(success_rate=0.99, p95_latency_ms=300, when="during", grace=90 * S)
    assert slo_texts(slo) == (
        "success_rate >= 0.99 during faults grace 90s",
        "p95_latency_ms <= 300 during faults grace 90s",
    )
