"""The page about SLOs: all that it shows is run, and says what the page says."""

import re
import shlex
from typing import Any

import msgspec
import pytest

from battle import Slo, run_scenario, seconds
from battle.cli.app import run_command_line
from battle.scenario.loader import load_scenario
from battle.scenario.phases import Healing
from battle.scenario.slo.language import SloTextError, parse_slo
from battle.scenario.slo.metric import Part
from battle.scenario.slo.metrics import METRICS
from battle.scenario.slo.staleness import BLOCKS_KNOWN, Staleness
from battle.scenario.validation import scenario_problems
from tests.docs.pages import DOCS, blocks

PAGE = DOCS / "slo.md"
DEMANDS, QUERIES, STORM = blocks(PAGE, "python")
ERROR, HEALED, JUDGED = blocks(PAGE, "text")


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
    (tmp_path / "battle.toml").write_text(*blocks(PAGE, "toml"))
    loaded = load_scenario(str(tmp_path / "battle.toml"))
    assert list(scenario_problems(loaded)) == []
    names: dict[str, Any] = {}
    exec(DEMANDS, names)
    assert set(loaded.slos) <= set(names["scenario"].slos)


@pytest.mark.parametrize(("words", "same"), table("in words"))
def test_a_demand_in_words_is_the_same(words, same):
    assert parse_slo(words.strip("`")) == eval(same.strip("`"), {"Slo": Slo, "seconds": seconds})


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
