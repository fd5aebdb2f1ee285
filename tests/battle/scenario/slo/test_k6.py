"""Thresholds of k6: what each means as an SLO, and what is written instead of those that mean nothing here."""

import re

import msgspec
import pytest

from battle import HttpConstant, MockProvider, Scenario, Slo, k6_thresholds, ms, seconds
from battle.errors import ScenarioError
from battle.scenario.loader import scenario_from_data
from battle.scenario.slo.k6 import (
    K6_METRICS,
    PERCENTILES,
    Threshold,
    ThresholdError,
    read_threshold,
)
from battle.scenario.slo.language import parse_slo, slo_texts
from battle.scenario.slo.slo import slo_set
from battle.scenario.validation import all_problems
from battle.store import typed
from battle.store.dry_run import dry_run

LATENCY, FAILED = "http_req_duration", "http_req_failed"


@pytest.mark.parametrize(
    ("name", "text", "metric", "limit"),
    [
        (LATENCY, "p(95)<200", "p95_latency_ms", 200),
        (LATENCY, " p( 95 ) <= 0.5 ", "p95_latency_ms", 0.5),
        (LATENCY, "p(99.9)<500", "p999_latency_ms", 500),
        (LATENCY, "p(99.90)<500", "p999_latency_ms", 500),
        (LATENCY, "p(99)<500", "p99_latency_ms", 500),
        (LATENCY, "p(90)<500", "p90_latency_ms", 500),
        (LATENCY, "p(50)<100", "p50_latency_ms", 100),
        (LATENCY, "med<100", "p50_latency_ms", 100),
        (FAILED, "rate<0.01", "success_rate", 0.99),
        (FAILED, "rate<=0.1", "success_rate", 0.9),
        (FAILED, "rate<=.003", "success_rate", 0.997),
        (FAILED, "rate==0", "success_rate", 1),
        (FAILED, "rate===0", "success_rate", 1),
        (FAILED, "rate<=0", "success_rate", 1),
        ("checks", "rate==1", "max_wrong_answers", 0),
        ("checks", "rate>=1.0", "max_wrong_answers", 0),
    ],
)
def test_a_threshold_is_the_target_that_means_the_same(name, text, metric, limit):
    assert read_threshold(name, text) == Threshold(metric, limit)
    assert k6_thresholds({name: [text]}) == [Slo(**{metric: limit})]


def test_every_percentile_that_is_mapped_has_its_digits_in_its_name():
    for percent, name in PERCENTILES.items():
        assert name == f"p{str(percent).replace('.', '')}_latency_ms"


@pytest.mark.parametrize(
    ("name", "text", "instead"),
    [
        (LATENCY, "p(75)<200", "the percentiles that are SLOs are p(50), p(90), p(95), p(99), p(99.9)"),
        (LATENCY, "p(99.99)<200", "latency_percentile(outcome, scheduled_ns, ended_ns, 0.9999)"),
        (LATENCY, "p(0)<200", "latency_percentile(outcome, scheduled_ns, ended_ns, 0) "),
        (LATENCY, "p(101)<200", "from 0 to 100"),
        (
            LATENCY,
            "avg<200",
            'query = "SELECT avg(ended_ns - scheduled_ns) / 1e6 FROM requests", limit = "< 200"',
        ),
        (LATENCY, "min<200", 'write a percentile such as "p(95)<200"'),
        (LATENCY, "max<200", "SELECT max(ended_ns - scheduled_ns)"),
        (LATENCY + "{scenario:a'b}", "max<200", "WHERE workload = 'a''b'\""),
        (LATENCY, "p(95)>200", "limited by < or <="),
        (LATENCY, "p(95)==200", "limited by < or <="),
        (LATENCY, "p(95)<0", "would be p95_latency_ms = 0: it must be above 0"),
        (LATENCY, "p(95)<-3", "must be above 0"),
        (LATENCY, "count<200", "is a trend and has avg, min, max, med and p(N) only"),
        (LATENCY, "p(95)<200ms", "is no threshold"),
        (LATENCY, "p(95)<200 && med<3", "is no threshold"),
        (LATENCY, "p95<200", "is no threshold"),
        (LATENCY, "", "is no threshold"),
        (FAILED, "rate<0", 'write "rate==0"'),
        (FAILED, "rate<-1", 'write "rate==0"'),
        (FAILED, "rate<1", "success_rate = 0: it is a share above 0"),
        (FAILED, "rate>0.5", "limited by < or <="),
        (FAILED, "count<3", "is a rate and has rate only"),
        ("checks", "rate>0.99", 'write "rate==1" for none, or max_wrong_answers = 10'),
        ("checks", "rate>=0.9", "max_wrong_answers"),
        ("checks", "p(95)<3", "is a rate"),
        ("http_reqs", "rate>100", "as the rate of a workload"),
        ("http_reqs", "count>=1000", 'query = "SELECT count(sent_ns) FROM requests", limit = ">= 1000"'),
        ("http_reqs", "count===7", 'limit = "== 7"'),
        ("http_reqs", "p(95)<3", "is a counter and has count and rate only"),
        ("http_req_waiting", "p(95)<3", "use http_req_duration"),
        ("dropped_iterations", "count<1", "makes the run INCONCLUSIVE"),
        ("vus", "value>3", "leave it out"),
        ("http_req_duratoin", "p(95)<3", "did you mean http_req_duration?"),
        ("my_own", "p(95)<3", "write an SLO on SQL"),
        ("no name!", "p(95)<3", "this is no name of a k6 metric"),
        (LATENCY + "{expected_response:true}", "p(95)<3", "leave the tag expected_response out"),
        (LATENCY + "{method:GET}", "p(95)<3", "there is no tag 'method' here"),
        (LATENCY + "{scenario}", "p(95)<3", "a tag reads like scenario:NAME"),
        (LATENCY + "{scenario:a,scenario:b}", "p(95)<3", "is given once"),
        (LATENCY + "{}", "p(95)<3", "there is no tag '' here"),
    ],
)
def test_what_no_slo_means_is_refused_with_what_to_write(name, text, instead):
    with pytest.raises(ThresholdError, match=re.escape(instead)):
        read_threshold(name, text)


def test_every_other_metric_of_k6_is_refused_with_a_sentence():
    of = {"trend": "p(95)<1", "counter": "count<1", "rate": "rate<0.1", "gauge": "value<1"}
    refused = [name for name, metric in K6_METRICS.items() if metric.refused is not None]
    assert set(K6_METRICS) - set(refused) == {LATENCY, FAILED, "checks", "http_reqs"}
    for name in refused:
        with pytest.raises(ThresholdError, match=re.escape(K6_METRICS[name].refused or "")):
            read_threshold(name, of[K6_METRICS[name].kind])


def test_the_sql_to_write_instead_is_taken():
    cases = [
        (LATENCY, "avg<200"),
        (LATENCY, "max<200"),
        (LATENCY, "p(75)<200"),
        (LATENCY + "{scenario:a'b}", "min<2"),
        ("http_reqs", "rate>3"),
        ("http_reqs", "count>3"),
    ]
    queries = {}
    for name, text in cases:
        with pytest.raises(ThresholdError) as refused:
            read_threshold(name, text)
        query, limit = re.findall(r'query = "(.*?)", limit = "(.*?)"', str(refused.value))[0]
        queries[text] = query
        assert not list(Slo.sql("instead", query, limit).problems())
    assert dry_run(queries) == {}


def test_all_mistakes_come_at_once():
    with pytest.raises(ScenarioError) as refused:
        k6_thresholds(
            {LATENCY: ["avg<1", "p(95)<2", "p(95)<3"], "vus": ["value>1"], FAILED: "rate<0.1", "checks": [{}]}
        )
    assert [problem.split(":")[0] for problem in refused.value.problems] == [
        LATENCY,
        LATENCY,
        "vus",
        FAILED,
        "checks",
    ]
    assert "p95_latency_ms is given twice" in refused.value.problems[1]


@pytest.mark.parametrize(
    ("one", "why"),
    [
        ({"threshold": 3}, "`threshold` is missing"),
        ({"threshold": "p(95)<3", "abortonfail": True}, "no field 'abortonfail'"),
        (3, "expected a list of thresholds"),
    ],
)
def test_a_wrong_object_is_refused(one, why):
    with pytest.raises(ScenarioError, match=re.escape(why)):
        k6_thresholds({LATENCY: [one]})


def test_objects_and_tags_are_taken():
    assert k6_thresholds(
        {
            f"{LATENCY}{{scenario:reads}}": [
                {"threshold": "p(99)<10", "abortOnFail": True, "delayAbortEval": "10s"}
            ],
            FAILED: ["rate<0.01"],
            f"{FAILED}{{ scenario : 'reads' }}": ["rate<0.02"],
        }
    ) == [Slo(success_rate=0.99), Slo(p99_latency_ms=10, success_rate=0.98, workload="reads")]


def scenario(**slos):
    return {
        "name": "of k6",
        "providers": [{"name": "a"}],
        "workloads": [
            {"type": "http_constant", "name": name, "method": "eth_call", "rate": 5, "duration": "5s"}
            for name in ("reads", "writes")
        ],
        **slos,
    }


K6 = {LATENCY: ["p(95)<200", "med<100"], FAILED: ["rate<0.01"], f"{LATENCY}{{scenario:reads}}": ["p(99)<9"]}


def test_thresholds_in_a_file_are_the_slos_that_one_would_write():
    own = Slo(p95_latency_ms=200, p50_latency_ms=100, success_rate=0.99, max_wrong_answers=0)
    loaded = scenario_from_data(scenario(slo={"thresholds": K6, "max_wrong_answers": 0}), "a.json")
    assert loaded.slo == [own, Slo(p99_latency_ms=9, workload="reads")]
    assert all_problems(loaded) == []
    assert typed.convert(msgspec.json.decode(msgspec.json.encode(loaded)), Scenario) == loaded
    assert b"thresholds" not in msgspec.json.encode(loaded)
    written = Scenario(
        "of k6",
        providers=[MockProvider("a")],
        workloads=[
            HttpConstant("eth_call", rate=5, duration=seconds(5), name=name) for name in ("reads", "writes")
        ],
        slo=[own, Slo(p99_latency_ms=9, workload="reads")],
    )
    assert loaded == written
    assert slo_set(loaded.slos) == slo_set([*k6_thresholds(K6), Slo(max_wrong_answers=0)])


def test_thresholds_take_the_part_of_the_run_that_stands_beside_them():
    loaded = scenario_from_data(
        scenario(slo=["p95_latency_ms < 9", {"thresholds": K6, "when": "during", "grace": "2s"}, {}]),
        "a.json",
    )
    first, of_all, last, of_reads = loaded.slos
    assert (first, last) == (Slo(p95_latency_ms=9), Slo())
    assert of_all == Slo(
        p95_latency_ms=200, p50_latency_ms=100, success_rate=0.99, when="during", grace=seconds(2)
    )
    assert of_reads == Slo(p99_latency_ms=9, when="during", grace=seconds(2), workload="reads")
    assert parse_slo(slo_texts(of_reads)[0]) == of_reads


def test_thresholds_of_named_workloads_stand_alone():
    loaded = scenario_from_data(
        scenario(
            slo={"thresholds": {f"{LATENCY}{{scenario:writes}}": ["p(99)<9"]}},
            workload_slos={
                "reads": {"thresholds": {LATENCY: ["p(95)<20"], f"{FAILED}{{scenario:reads}}": ["rate==0"]}}
            },
        ),
        "a.json",
    )
    assert loaded.slo == Slo(p99_latency_ms=9, workload="writes")
    assert loaded.workload_slos == {"reads": Slo(p95_latency_ms=20, success_rate=1)}


def test_all_that_is_wrong_in_a_file_comes_at_once_with_its_line(tmp_path):
    from battle.scenario.loader import load_scenario

    (tmp_path / "a.toml").write_text("""name = "wrong"
providers = [{ name = "a", latncy = "20ms" }]
workload_slos = { reads = { thresholds = { "http_req_duration{scenario:writes}" = ["p(95)<3"] } } }

[slo]
p95_latency_ms = 3

[slo.thresholds]
http_req_duration = ["p(95)<200", "avg<3"]
http_reqs = ["rate>100"]

[[workloads]]
type = "http_constant"
name = "reads"
method = "eth_call"
rate = -5
duration = "5s"
""")
    with pytest.raises(ScenarioError) as refused:
        load_scenario(str(tmp_path / "a.toml"))
    told = [problem.partition(": ")[::2] for problem in refused.value.problems]
    assert [(line, text.split(":")[0]) for line, text in told][:5] == [
        ("line 9", "slo.thresholds.http_req_duration"),
        ("line 10", "slo.thresholds.http_reqs"),
        ("line 8", "slo.thresholds"),
        ("line 3", "workload_slos.reads.thresholds"),
        ("line 2", "providers[0] (mock a)"),
    ]
    assert "p95_latency_ms is given twice" in told[2][1]
    assert "another workload than 'reads'" in told[3][1]
    assert any("rate" in text for _, text in told[5:])


@pytest.mark.parametrize("thresholds", [3, [], "p(95)<3", None])
def test_something_else_than_a_table_is_refused(thresholds):
    with pytest.raises(ScenarioError, match="expected a table of lists by metric"):
        scenario_from_data(scenario(slo={"thresholds": thresholds}), "a.json")


def test_an_unknown_workload_in_a_tag_is_reported():
    loaded = scenario_from_data(
        scenario(slo={"thresholds": {f"{LATENCY}{{scenario:raeds}}": ["p(95)<3"]}}), "a.json"
    )
    assert any("there is no workload named 'raeds'" in problem for problem in all_problems(loaded))


def test_a_latency_is_in_milliseconds():
    assert k6_thresholds({LATENCY: ["p(95)<200"]}) == [Slo(p95_latency_ms=ms(200) / 1e6)]
