"""The page about SLOs: all that it shows is run, and says what the page says."""

import re
import shlex
import tomllib
from typing import Any

import msgspec
import pytest
import yaml

from battle import Slo, k6_thresholds, run_scenario, seconds
from battle.cli.app import run_command_line
from battle.errors import ScenarioError
from battle.monitoring.openslo import COMPARED_TARGET
from battle.monitoring.prometheus_rules import MISSED, MISSING, RECORDED
from battle.monitoring.slo_queries import Live, stated_slos
from battle.scenario.loader import load_scenario, scenario_from_data
from battle.scenario.phases import Healing
from battle.scenario.slo.k6 import PERCENTILES, read_threshold
from battle.scenario.slo.language import SloTextError, parse_slo
from battle.scenario.slo.metric import Part
from battle.scenario.slo.metrics import METRICS
from battle.scenario.slo.staleness import BLOCKS_KNOWN, Staleness
from battle.scenario.validation import scenario_problems
from tests.docs.pages import DOCS, blocks

PAGE = DOCS / "slo.md"
DEMANDS, K6, QUERIES, STORM = blocks(PAGE, "python")
IN_A_FILE, K6_IN_A_FILE = blocks(PAGE, "toml")
ERROR, HEALED, JUDGED, EXPORTED = blocks(PAGE, "text")


def table(heading: str) -> list[list[str]]:
    """The cells of the rows of the table that begins so, without its head."""
    lines = PAGE.read_text().partition(f"| {heading} |")[2].split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.removeprefix("|").removesuffix("|").split("|")] for line in lines]


def run(code, tmp_path):
    (tmp_path / "battle.py").write_text(code)
    return run_scenario(load_scenario(str(tmp_path / "battle.py")), world="simulated", out=tmp_path)


def test_the_scenario_with_demands_passes(tmp_path):
    report = run(DEMANDS, tmp_path).report
    assert report.verdict == "PASS", report.reasons
    assert len(report.slos) == 7


def test_the_file_says_the_same(tmp_path):
    (tmp_path / "battle.toml").write_text(IN_A_FILE)
    loaded = load_scenario(str(tmp_path / "battle.toml"))
    assert list(scenario_problems(loaded)) == []
    names: dict[str, Any] = {}
    exec(DEMANDS, names)
    assert set(loaded.slos) <= set(names["scenario"].slos)


@pytest.mark.parametrize(("words", "same"), table("in words"))
def test_a_demand_in_words_is_the_same(words, same):
    assert parse_slo(words.strip("`")) == eval(same.strip("`"), {"Slo": Slo, "seconds": seconds})


def k6_cases(heading: str) -> list[tuple[str, str, str]]:
    """Each threshold in the first column, with its name, and the second column."""
    cases = []
    for shown, other in table(heading):
        for group in re.findall(r"`([^`]*)`", shown):
            name, _, text = group.rpartition(": ")
            cases.append((name or cases[-1][0], text, other))
    return cases


@pytest.mark.parametrize(("name", "text", "same"), k6_cases("threshold of k6"))
def test_a_threshold_of_k6_is_the_same(name, text, same):
    assert k6_thresholds({name: [text]}) == [eval(same.strip("`"), {"Slo": Slo})]


@pytest.mark.parametrize(("name", "text", "instead"), k6_cases("refused in k6's words"))
def test_another_threshold_of_k6_is_refused_with_what_to_write(name, text, instead):
    with pytest.raises(ScenarioError) as refused:
        k6_thresholds({name: [text]})
    assert all(field in str(refused.value) for field in re.findall(r"`(\w+)`", instead))
    assert ("query = " in str(refused.value)) == ("that the message gives" in instead)


def test_the_tables_of_k6_have_every_percentile_and_every_metric_that_can_be_kept():
    shown = {read_threshold(name, text).metric for name, text, _ in k6_cases("threshold of k6")}
    assert shown == {*PERCENTILES.values(), "success_rate", "max_wrong_answers"}


def test_the_file_with_thresholds_loads_and_the_code_gives_the_same():
    workloads = tomllib.loads(IN_A_FILE)["workloads"]
    data = {
        "name": "thresholds",
        "providers": [{"name": "a"}],
        "workloads": workloads,
        **tomllib.loads(K6_IN_A_FILE),
    }
    loaded = scenario_from_data(data, "thresholds.toml")
    assert list(scenario_problems(loaded)) == []
    whole = Slo(
        p95_latency_ms=200,
        p999_latency_ms=500,
        p50_latency_ms=100,
        success_rate=0.99,
        max_wrong_answers=0,
        max_stale_answers=0,
    )
    assert list(loaded.slos) == [whole, Slo(p99_latency_ms=300, workload="reads")]
    names: dict[str, Any] = {}
    exec(K6, names)
    assert names["slo"] == [Slo(p95_latency_ms=200, success_rate=0.99)]


def test_a_mistake_is_told_as_shown():
    text = re.findall(r"'(.*?)'", ERROR)[0]
    with pytest.raises(SloTextError, match=re.escape(ERROR.strip())):
        parse_slo(text)


def test_the_table_says_what_can_be_demanded_of_what():
    told = {}
    for names, *marks in table("SLO"):
        for name in re.findall(r"`(\w+)`", names):
            told[name] = [mark.startswith("yes") for mark in marks]
    parts: tuple[Part, ...] = ("window", "workload", "method")
    assert told == {name: [one.can_be_of(part) for part in parts] for name, one in METRICS.items()}


def test_the_table_of_healing_has_each_field_and_its_default():
    told = {field.strip("`"): default for field, default, _ in table("field")}
    default = Healing(duration=seconds(15))
    assert told == {
        "max_success_loss": str(default.max_success_loss),
        "max_p95_ratio": str(default.max_p95_ratio),
        "p95_slack": f"{default.p95_slack / 1e6:g} ms",
        "min_requests": str(default.min_requests),
        "workload": "all",
    }
    assert {*told, "duration", "within"} == set(Healing.__struct_fields__)


def test_the_table_of_staleness_has_each_field_and_its_default():
    told = {field.strip("`"): default for field, default, _ in table("tolerance")}
    default = Staleness()
    assert told == {"blocks": str(default.blocks), "settle": f"{default.settle / 1e9:g} s"}
    assert f"{BLOCKS_KNOWN - 1} at most" in PAGE.read_text()


def test_the_storm_does_not_heal_and_the_breaker_would(tmp_path):
    result = run(STORM, tmp_path)
    assert "".join(f"  - {reason}\n" for reason in result.report.reasons) == HEALED


def test_sql_and_judging_again_answer_as_shown(tmp_path, capsys):
    """On a run of `smoke`, which is short."""
    run_scenario(load_scenario("smoke"), world="simulated", out=tmp_path / "battle_results")
    command, _, shown = JUDGED.partition("\n")
    words = shlex.split(command.removeprefix("$ battle "))
    assert run_command_line([*words, "--out", str(tmp_path / "battle_results")]) == 1
    assert capsys.readouterr().out == shown
    names: dict[str, Any] = {}
    exec(QUERIES, names)
    (tmp_path / "slos.json").write_bytes(msgspec.json.encode(names["slos"]))
    judge = [
        "judge",
        "latest",
        "--out",
        str(tmp_path / "battle_results"),
        "--slo-file",
        str(tmp_path / "slos.json"),
    ]
    assert run_command_line(judge) == 0
    assert "3 of 3 SLOs met." in capsys.readouterr().out


def test_the_table_of_the_export_says_which_slos_are_seen_so_far():
    section = PAGE.read_text().partition("## Export to Prometheus and OpenSLO")[2]
    rows = re.findall(r"^\| (`.*?) \| (yes|no) \| (.*) \|$", section, re.MULTILINE)
    shown = {name: seen == "yes" for names, seen, _ in rows for name in re.findall(r"`(\w+)`", names)}
    scenario = load_scenario("smoke")
    slo = Slo(**{name: 0.5 if one.unit == "ratio" else 200 for name, one in METRICS.items()})
    stated = stated_slos(msgspec.structs.replace(scenario, slo=slo, workload_slos={}))
    assert shown == {one.title: isinstance(one.live, Live) for one in stated}
    assert f"target is {COMPARED_TARGET}" in section
    assert all(f"`{name}`" in section for name in (RECORDED, MISSING, MISSED))


def test_the_commands_of_the_export_print_yaml(capsys):
    for line in EXPORTED.splitlines():
        words, _, _ = line.removeprefix("$ battle ").partition(" > ")
        assert run_command_line(shlex.split(words)) == 0
        assert list(yaml.safe_load_all(capsys.readouterr().out))
