"""SLOs as Prometheus rules and as OpenSLO: all of them are there, over metrics that are exported."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from battle import (
    EmbeddedGateway,
    HttpConstant,
    HttpStep,
    Kill,
    MockProvider,
    Scenario,
    Slo,
    run_scenario,
    seconds,
)
from battle.cli.app import run_command_line
from battle.monitoring import catalog
from battle.monitoring.distribution import BOUNDS_S
from battle.monitoring.exposition import samples
from battle.monitoring.figures import take
from battle.monitoring.finished import finished_events
from battle.monitoring.openslo import COMPARED_TARGET, DESCRIPTION_MAX, openslo
from battle.monitoring.prometheus_rules import MISSED, MISSING, RECORDED, prometheus_rules
from battle.monitoring.recorder import Recorder
from battle.monitoring.rule_text import NAME_MAX, unique_slugs
from battle.monitoring.slo_queries import (
    _LIVE,
    _NOT_LIVE,
    Live,
    StatedSlo,
    quoted,
    stated_slos,
)
from battle.scenario.loader import listed
from battle.scenario.slo.metrics import METRICS

ODD = 'odd "name"\\ {{ nope }}\n# é'


def scenario(
    *slos: Slo | str, name: str = "exported", workload_slos: dict[str, Slo] | None = None
) -> Scenario:
    return Scenario(
        name,
        providers=[MockProvider("a"), MockProvider("b")],
        gateway=EmbeddedGateway(),
        workloads=[
            HttpConstant("eth_call", rate=50, duration=seconds(20), name="reads"),
            HttpConstant("eth_getBalance", rate=5, duration=seconds(20), name="writes"),
        ],
        chaos=[Kill("a", at=seconds(5), down=seconds(3))],
        slo=list(slos),
        workload_slos=workload_slos or {},
    )


def limit_of(name: str) -> float:
    return 0.9 if METRICS[name].unit == "ratio" else 200


EVERYTHING = scenario(
    Slo(**{name: limit_of(name) for name in METRICS}),
    Slo(success_rate=0.5, p95_latency_ms=250, when="during"),
    Slo(success_rate=1, p99_latency_ms=100_000, workload="reads", method="eth_call"),
    Slo.sql("none # unsent", "SELECT count(*) FROM requests WHERE sent_ns IS NULL", "<= 0"),
    name=ODD,
    workload_slos={"reads": Slo(success_rate=1, p90_latency_ms=250, p999_latency_ms=70_000)},
)


def rules_of(text: str) -> list[dict[str, Any]]:
    (group,) = yaml.safe_load(text)["groups"]
    rules: list[dict[str, Any]] = group["rules"]
    return rules


def comments(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if line.startswith("#"))


_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_SERIES = re.compile(r"\b(battle[a-z_:]*)(?:\{([^}]*)\})?")


def check_expression(expr: str) -> None:
    """Whether each metric in a PromQL expression is exported, with the labels by which it is selected."""
    known = {RECORDED: {"scenario", "slo", "workload"}}
    for one in catalog.INSTRUMENTS:
        names = [one.prometheus]
        if one.kind == "distribution":
            names = [f"{one.prometheus}_{part}" for part in ("bucket", "count", "sum")]
        known |= {name: {catalog.SCENARIO, "le", *one.labels} for name in names}
    found = _SERIES.findall(_STRING.sub('""', expr))
    assert found, expr
    for metric, selector in found:
        assert metric in known, metric
        chosen = set(re.findall(r"(\w+)!?=", selector))
        assert catalog.SCENARIO in chosen, expr
        assert chosen <= known[metric], (metric, chosen)


def test_every_metric_is_live_or_has_a_reason_why_not():
    assert _LIVE.keys() | _NOT_LIVE.keys() == METRICS.keys()
    assert not _LIVE.keys() & _NOT_LIVE.keys()


def test_every_expression_is_over_exported_metrics():
    expressions = [rule["expr"] for rule in rules_of(prometheus_rules(EVERYTHING))]
    assert len(expressions) > 50
    for expr in expressions:
        check_expression(expr)


@pytest.mark.parametrize(
    "wrong", ['battle_reqests_total{scenario="a"}', 'battle_requests_total{scenario="a",node="b"}']
)
def test_the_check_itself_finds_a_metric_or_a_label_that_is_not_exported(wrong):
    with pytest.raises(AssertionError):
        check_expression(wrong)


def test_every_slo_has_an_alert_and_is_recorded_or_in_a_comment_with_the_reason():
    text = prometheus_rules(EVERYTHING)
    rules, slos = rules_of(text), stated_slos(EVERYTHING)
    assert len(slos) == len(METRICS) + 2 + 2 + 1 + 3
    recorded = {
        (rule["labels"]["slo"], rule["labels"].get("workload", "")) for rule in rules if "record" in rule
    }
    missing, missed = (
        [rule["expr"] for rule in rules if rule.get("alert") == name] for name in (MISSING, MISSED)
    )
    assert missed == [f"{slo.result} == 0" for slo in slos]
    for slo in slos:
        seen = isinstance(slo.live, Live)
        assert ((slo.title, slo.workload) in recorded) == seen
        assert any(f"{RECORDED}{slo.selector} " in expr for expr in missing) == seen
        assert (f"# - {slo.target_text}: {slo.live}" in comments(text)) != seen


def test_the_labels_are_those_of_the_result():
    selectors = [slo.selector for slo in stated_slos(EVERYTHING)]
    name = quoted(ODD)
    assert f'{{scenario={name},slo="success_rate during faults",workload=""}}' in selectors
    assert f'{{scenario={name},slo="success_rate",workload="reads"}}' in selectors
    assert (
        f'{{scenario={name},slo="success_rate of workload reads and method eth_call",workload=""}}'
        in selectors
    )


def test_a_target_that_is_a_bound_of_the_histogram_is_exact_and_another_says_its_bucket():
    exact, between = stated_slos(scenario(Slo(p95_latency_ms=200, p99_latency_ms=250)))
    assert isinstance(exact.live, Live)
    assert isinstance(between.live, Live)
    assert exact.live.share == 0.95
    assert 'le="0.2",outcome="ok"' in (exact.live.good or "")
    assert between.live.good is None
    assert "from 200 to 300 ms" in between.live.note
    for bound in BOUNDS_S:
        (slo,) = stated_slos(scenario(Slo(p95_latency_ms=bound * 1e3)))
        assert isinstance(slo.live, Live)
        assert f'le="{bound}",outcome="ok"' in (slo.live.good or ""), bound


def test_of_a_load_in_steps_nothing_of_requests_is_known_before_the_knee_is():
    steps = Scenario(
        "steps",
        providers=[MockProvider("a")],
        workloads=[
            HttpStep("eth_call", start_rate=5, step=5, end_rate=10, step_duration=seconds(5), name="up"),
            HttpConstant("eth_call", rate=5, duration=seconds(5), name="flat"),
        ],
        slo=Slo(success_rate=0.9, max_wrong_answers=0),
        workload_slos={"flat": Slo(p95_latency_ms=200)},
    )
    success, wrong, flat = stated_slos(steps)
    assert "of workload up only the requests up to its knee count" in str(success.live)
    assert isinstance(wrong.live, Live)
    assert isinstance(flat.live, Live)


def test_a_scenario_without_slos_has_no_rules():
    text = prometheus_rules(scenario())
    assert yaml.safe_load(text) == {"groups": []}


def test_names_are_unique_and_those_of_rfc_1123():
    names = unique_slugs(["A b", "a-b", "é", "", "x" * 80, "x" * 80, "-a_"])
    assert len(set(names)) == len(names)
    assert names[:4] == ["a-b", "a-b-2", "slo", "slo-2"]
    assert all(
        re.fullmatch(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", name) and len(name) <= NAME_MAX for name in names
    )


# What the specification of OpenSLO v1 requires, written down from its text.


def check_openslo(documents: list[dict[str, Any]]) -> None:
    services = {one["metadata"]["name"] for one in documents if one["kind"] == "Service"}
    names = [(one["kind"], one["metadata"]["name"]) for one in documents]
    assert len(set(names)) == len(names)
    for one in documents:
        assert set(one) == {"apiVersion", "kind", "metadata", "spec"}
        assert one["apiVersion"] == "openslo/v1"
        assert one["kind"] in ("Service", "SLO")
        assert set(one["metadata"]) == {"name", "displayName"}
        assert re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", one["metadata"]["name"])
        assert len(one["spec"].get("description", "")) <= DESCRIPTION_MAX
        if one["kind"] == "SLO":
            assert one["spec"]["service"] in services
            check_slo(one["spec"])


def check_slo(spec: dict[str, Any]) -> None:
    required = {"service", "indicator", "budgetingMethod", "objectives"}
    assert required <= set(spec) <= {*required, "description", "timeWindow", "alertPolicies"}
    assert spec["budgetingMethod"] == "Occurrences"
    (window,) = spec["timeWindow"]
    assert re.fullmatch(r"[1-9]\d*[mhdwMQY]", window["duration"])
    assert window["isRolling"] is True
    ((kind, metric),) = spec["indicator"]["spec"].items()
    (objective,) = spec["objectives"]
    assert 0 <= objective["target"] < 1
    if kind == "ratioMetric":
        assert set(metric) == {"counter", "good", "total"}
        assert metric["counter"] is True
        assert set(objective) == {"displayName", "target"}
        sources = [metric["good"], metric["total"]]
    else:
        assert kind == "thresholdMetric"
        assert objective["op"] in ("lte", "gte", "lt", "gt")
        assert isinstance(objective["value"], int | float)
        sources = [metric]
    for source in sources:
        assert source["metricSource"]["type"] == "Prometheus"
        check_expression(source["metricSource"]["spec"]["query"])


def test_openslo_has_every_slo_as_the_specification_wants():
    text = openslo(EVERYTHING)
    documents = list(yaml.safe_load_all(text))
    check_openslo(documents)
    slos = stated_slos(EVERYTHING)
    assert [one["metadata"]["displayName"] for one in documents] == [ODD, *(slo.target_text for slo in slos)]
    for slo in slos:
        if isinstance(slo.live, str):
            assert f"# - {slo.target_text}: {slo.live}" in comments(text)


def test_openslo_has_a_share_as_the_target_and_says_where_no_share_can_be():
    text = openslo(scenario(Slo(success_rate=0.99, p95_latency_ms=200, max_wrong_answers=0)))
    _, success, latency, wrong = yaml.safe_load_all(text)
    assert success["spec"]["objectives"][0]["target"] == 0.99
    assert latency["spec"]["objectives"][0]["target"] == 0.95
    (objective,) = wrong["spec"]["objectives"]
    assert (objective["op"], objective["value"], objective["target"]) == ("lte", 0, COMPARED_TARGET)
    assert "Battle allows no miss." in wrong["spec"]["description"]
    assert f"it is {COMPARED_TARGET}:\n# - max_wrong_answers <= 0\n" in text


def test_every_shipped_scenario_can_be_exported():
    for _, shipped in listed():
        check_openslo(list(yaml.safe_load_all(openslo(shipped))))
        for rule in rules_of(prometheus_rules(shipped)):
            check_expression(rule["expr"])


def test_the_command_prints_either_and_refuses_a_scenario_that_is_wrong(tmp_path, capsys):
    assert run_command_line(["slo", "export", "smoke"]) == 0
    check_openslo(list(yaml.safe_load_all(capsys.readouterr().out)))
    assert run_command_line(["slo", "export", "smoke", "--format", "prometheus"]) == 0
    assert rules_of(capsys.readouterr().out)
    (tmp_path / "wrong.toml").write_text('name = "wrong"\nproviders = []\nworkloads = []\n')
    assert run_command_line(["slo", "export", str(tmp_path / "wrong.toml")]) == 2
    assert "provider" in capsys.readouterr().err


def promtool(*arguments: str, cwd: Path) -> str:
    done = subprocess.run(["promtool", *arguments], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.programs
def test_prometheus_itself_takes_the_rules(tmp_path):
    (tmp_path / "rules.yml").write_text(prometheus_rules(EVERYTHING))
    count = len(rules_of((tmp_path / "rules.yml").read_text()))
    assert f"SUCCESS: {count} rules found" in promtool("check", "rules", "rules.yml", cwd=tmp_path)


def computed(
    tmp_path: Path,
    battle: Scenario,
    recorder: Recorder,
    actual: dict[tuple[str, str], float],
    missed: set[tuple[str, str]],
) -> None:
    """Hold what Prometheus' unit tests of rules compute of the exported series against what it should be.

    `actual` are values by the title and the workload of an SLO; `missed` are those that alert while the run goes on.
    """
    series = [
        {
            "series": one["name"]
            + "{"
            + ",".join(f"{k}={quoted(v)}" for k, v in one["labels"].items())
            + "}",
            "values": f"{one['value']}x2",
        }
        for one in samples(recorder, battle.name)
        if not one["name"].endswith("_created")
    ]
    stated = {(slo.title, slo.workload): slo for slo in stated_slos(battle)}
    values = [
        {
            "expr": f"max without () ({RECORDED}{stated[key].selector}) + 0",
            "eval_time": "1m",
            "exp_samples": [{"labels": _without_empty(stated[key]), "value": value}],
        }
        for key, value in actual.items()
    ]
    alerts = [
        {
            "expr": f"count(ALERTS{{alertname='{MISSING}',slo={quoted(title)},workload='{workload}'}}) or vector(0)",
            "eval_time": "1m",
            "exp_samples": [{"labels": "{}", "value": int((title, workload) in missed)}],
        }
        for title, workload in stated
    ]  # fmt: skip
    (tmp_path / "rules.yml").write_text(prometheus_rules(battle))
    test = {
        "rule_files": ["rules.yml"],
        "evaluation_interval": "30s",
        "tests": [{"interval": "30s", "input_series": series, "promql_expr_test": [*values, *alerts]}],
    }
    (tmp_path / "test.yml").write_text(yaml.safe_dump(test, allow_unicode=True, width=100_000))
    promtool("test", "rules", "test.yml", cwd=tmp_path)


def _without_empty(slo: StatedSlo) -> str:
    return slo.selector.replace(',workload=""', "")


@pytest.mark.slow
@pytest.mark.programs
def test_prometheus_computes_what_the_log_says(tmp_path):
    battle = scenario(
        Slo(
            success_rate=0.999,
            p95_latency_ms=20,
            p99_latency_ms=250,
            max_wrong_answers=0,
            min_breaker_changes=1,
        ),
        name=ODD,
        workload_slos={"writes": Slo(success_rate=0.9)},
    )
    result = run_scenario(battle, world="simulated", out=tmp_path)
    recorder = Recorder()
    for segment, event in finished_events(result.run_dir):
        take(recorder, event, segment)
    found = {(slo.title, ""): slo for slo in result.report.slos}
    found |= {(slo.title, of.workload): slo for of in result.report.workload_slos for slo in of.slos}
    missed = {key for key, slo in found.items() if slo.status == "missed"}
    assert 0 < len(missed) < len(found)
    actual = {
        key: slo.measured
        for key, slo in found.items()
        if not slo.name.startswith("p") and slo.measured is not None
    }
    assert len(actual) == 4
    computed(tmp_path, battle, recorder, actual, missed)


SLOS = Slo(success_rate=0.9, p90_latency_ms=20, p95_latency_ms=20, max_wrong_answers=0, min_breaker_changes=1)


@pytest.mark.slow
@pytest.mark.programs
@pytest.mark.parametrize(
    ("good", "failed", "missed"),
    [
        (90, 10, {"p95_latency_ms", "min_breaker_changes"}),
        (89, 11, {"success_rate", "p90_latency_ms", "p95_latency_ms", "min_breaker_changes"}),
        (0, 100, {"success_rate", "p90_latency_ms", "p95_latency_ms", "min_breaker_changes"}),
        (0, 19, {"min_breaker_changes"}),  # fewer than min_requests prove nothing
    ],
)
def test_what_failed_fast_is_not_fast_and_what_never_happened_is_missed(tmp_path, good, failed, missed):
    battle, recorder = scenario(SLOS), Recorder()
    for number in range(good + failed):
        outcome = "ok" if number < good else "error"
        recorder.count(catalog.REQUESTS, ("reads", "eth_call", outcome, "none", ""), 1)
        recorder.observe(catalog.REQUEST_DURATION, ("reads", outcome), 1, 0.012 if outcome == "ok" else 0.001)
    recorder.gauge(catalog.LOAD_RUNNING, (), 1, 0)
    actual = {
        ("success_rate", ""): good / (good + failed),
        ("min_breaker_changes", ""): 0,
        ("max_wrong_answers", ""): 0,
    }
    computed(tmp_path, battle, recorder, actual, {(name, "") for name in missed})
