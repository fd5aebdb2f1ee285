"""`battle check`: all that is wrong with scenarios and gateway files, without running them."""

import json

import pytest

from battle.cli.app import run_command_line
from tests.battle.scenario.test_discovery import DATA, FACTORY, written

GATEWAY = 'command = ["sh", "{config}"]\ntemplate = "{{ port }}"\n'


def check(capsys, *arguments):
    status = run_command_line(["check", *map(str, arguments)])
    said = capsys.readouterr()
    assert said.err == ""
    return status, said.out


def test_sound_ones_have_a_line_each_and_exit_0(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    written(tmp_path, {"a.py": FACTORY, "b.json": json.dumps(DATA), "g.gateway.toml": GATEWAY})
    status, out = check(capsys, "a.py", "b.json", "g.gateway.toml", "smoke")
    assert status == 0
    assert out.splitlines() == [
        "ok     a.py:base",
        "ok     b.json",
        "ok     g.gateway.toml",
        "ok     smoke",
        "",
        "4 ok, 0 wrong",
    ]
    assert not (tmp_path / "battle_results").exists()


def test_all_problems_are_told_and_the_status_is_2(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    two = DATA | {"name": "", "chaos": [{"type": "kill", "target": "zz", "at": "9s"}], "slo": {}}
    wrong = DATA | {"slo": {"success_rat": 1}, "colour": 1}
    written(tmp_path, {"d/two.json": json.dumps(two, indent=1), "d/wrong.json": json.dumps(wrong, indent=1)})
    written(
        tmp_path, {"d/free.json": json.dumps(DATA | {"slo": {}}), "d/g.toml": "command = 5", "d/other.py": ""}
    )
    written(tmp_path, {"d/t.gateway.toml": 'command = ["no-such-program"]\ntemplate = "{{ prot }}"'})
    status, out = check(capsys, "d", "d/missing.toml", "no_such")
    assert status == 2
    for line in (
        "ok     d/free.json",
        "  warning: the scenario has no SLO: the run will be INCONCLUSIVE; add one, such as success_rate",
        "wrong  d/g.toml: line 1: command: expected a list: write [ ... ], not 5",
        "wrong  d/t.gateway.toml: gateway command: its template has a mistake: 'prot' is undefined",
        "wrong  d/two.json:",
        "  - a scenario needs a name",
        "  - kill: its target 'zz' does not exist; the providers are a",
        "wrong  d/wrong.json:",
        "  - line 17: slo: unknown field `success_rat` in Slo: did you mean `success_rate`?",
        "skipped 1 file:",
        "  d/other.py: it does not import battle",
        "1 ok, 6 wrong",
    ):
        assert line in out.splitlines(), out


def test_an_empty_directory_is_wrong(tmp_path, capsys):
    status, out = check(capsys, tmp_path)
    assert (status, out.splitlines()[0]) == (2, f"wrong  {tmp_path}: there is no scenario in it")


def test_a_program_that_is_missing_here_is_a_warning(tmp_path, capsys):
    path = written(tmp_path, {"g.toml": GATEWAY.replace('"sh"', '"no-such-program"')}) / "g.toml"
    status, out = check(capsys, path)
    assert status == 0
    assert "  warning: gateway: 'no-such-program' is not installed, or not on PATH" in out


@pytest.mark.parametrize(("data", "status"), [(DATA, 0), (DATA | {"slo": 5}, 2)])
def test_json_says_the_same(tmp_path, capsys, data, status):
    path = written(tmp_path, {"a.json": json.dumps(data), "b.toml": ""}) / "a.json"
    told = run_command_line(["check", "--json", str(tmp_path)])
    report = json.loads(capsys.readouterr().out)
    assert told == status
    assert report["sound"] is (status == 0)
    assert [one["name"] for one in report["checked"]] == [str(path)]
    assert bool(report["checked"][0]["problems"]) is (status == 2)
    assert [one["why"] for one in report["skipped"]] == ["no providers and no workloads in it"]


PROVIDERS = '[[providers]]\nname = "a"\nurl = "https://node.example/${KEY}"\n'


def test_each_kind_of_file_is_judged_by_its_own_schema(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    written(tmp_path, {"battle.providers.toml": PROVIDERS, "p.profile.toml": "latencies_ms = [1.0]\n"})
    written(tmp_path, {"d/bad.providers.toml": PROVIDERS + "colour = 1\n" + PROVIDERS})
    written(tmp_path, {"d/bad.profile.toml": "latencies_ms = []\n"})
    written(tmp_path, {"d/g.toml": 'name = "g"\ncomand = ["sh"]\n', "d/h.toml": 'template = "x"\n'})
    status, out = check(capsys, ".")
    assert status == 2
    for line in (
        "ok     battle.providers.toml",
        "ok     p.profile.toml",
        "  - line 2: unknown field `comand` in CommandGateway: did you mean `command`?",
        "wrong  d/h.toml: `command` is missing; CommandGateway needs it",
        "2 ok, 4 wrong",
    ):
        assert line in out.splitlines(), out
    assert "wrong  d/bad.profile.toml: " in out
    assert "unknown field `colour` in RealProvider" in out
    assert "Scenario" not in out
    alone = [check(capsys, name)[1] for name in ("battle.providers.toml", "d/g.toml", "p.profile.toml")]
    assert ["Scenario" in one for one in alone] == [False] * 3
    assert alone[0] == "ok     battle.providers.toml\n\n1 ok, 0 wrong\n"


def test_where_a_scenario_is_wanted_another_file_is_said_to_be_that(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    written(tmp_path, {"battle.providers.toml": PROVIDERS, "g.toml": 'name = "g"\ncommand = ["sh"]\n'})
    for name, use in (("battle.providers.toml", "--providers"), ("g.toml", "--gateway")):
        assert run_command_line(["run", name]) == 2
        assert capsys.readouterr().err.endswith(f": name it with {use}\n")
    assert run_command_line(["list", "."]) == 0
    assert (
        "  battle.providers.toml: it lists real providers: name it with --providers"
        in capsys.readouterr().out
    )
