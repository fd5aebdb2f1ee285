"""What was probably meant otherwise is refused in a plain sentence, before anything starts."""

import json
import socket

import pytest
import yaml

from battle.cli.app import run_command_line
from tests.battle.scenario.test_discovery import DATA, written

FREE = DATA | {"slo": {}}


def said(capsys, *arguments):
    status = run_command_line([str(argument) for argument in arguments])
    streams = capsys.readouterr()
    return status, streams.out + streams.err


@pytest.mark.parametrize("command", ["list", "check", "run"])
@pytest.mark.parametrize("value", ["3", "'smoke'", "[1, 2]", "{}"])
def test_a_scenario_that_is_none_is_wrong_and_not_skipped(tmp_path, capsys, command, value):
    path = written(tmp_path, {"a.py": f"import battle\nscenario = {value}\n"}) / "a.py"
    status, out = said(capsys, command, path)
    assert status == 2
    assert f"`scenario` is not a Scenario but {value}" in out


@pytest.mark.parametrize("text", ["from battle import scenario", "def scenario(): ..."])
def test_a_module_or_a_function_of_that_name_is_something_else(tmp_path, capsys, text):
    path = written(tmp_path, {"a.py": f"import battle\n{text}\n"}) / "a.py"
    assert said(capsys, "list", path)[0] == 0


@pytest.mark.parametrize("word", ["{foo}", "--port={prot}", "{config}{foo}"])
def test_an_unknown_placeholder_is_told_with_the_known_ones(tmp_path, capsys, word):
    gateway = f'command = ["sh", {json.dumps(word)}, "${{HOME}} {{ }} {{port}}"]\n'
    path = written(tmp_path, {"g.toml": gateway}) / "g.toml"
    name = "prot" if "prot" in word else "foo"
    problem = f"gateway: command has {{{name}}}, which nothing is put in for; the known ones are {{config}}, {{port}}"
    for status, out in (
        said(capsys, "check", path),
        said(capsys, "run", "smoke", "--gateway", path, "--out", tmp_path / "runs"),
    ):
        assert status == 2
        assert problem in out
    assert not (tmp_path / "runs").exists()


def test_what_a_shell_puts_in_is_no_placeholder(tmp_path, capsys):
    gateway = 'command = ["sh", "-c", "echo ${HOME} {} {port} a{3}"]\n'
    assert said(capsys, "check", written(tmp_path, {"g.toml": gateway}) / "g.toml")[0] == 0


def test_a_wrong_type_of_gateway_is_told_with_the_nearest(tmp_path, capsys):
    path = written(tmp_path, {"g.toml": 'type = "comand"\ncommand = ["sh"]\n'}) / "g.toml"
    for status, out in (said(capsys, "check", path), said(capsys, "run", "smoke", "--gateway", path)):
        assert status == 2
        assert "line 1: type = 'comand': did you mean 'command'? it is one of embedded, command, url" in out


@pytest.mark.parametrize("suffix", ["yaml", "yml"])
def test_yaml_has_mappings(tmp_path, capsys, suffix):
    path = written(tmp_path, {f"a.{suffix}": yaml.safe_dump(FREE | {"chain": 5, "name": {}})}) / f"a.{suffix}"
    status, out = said(capsys, "check", path)
    assert status == 2
    assert "chain: expected a mapping: write { ... }, not 5" in out
    assert "name: expected a string, not a mapping" in out


def test_a_port_in_use_is_told_in_words(tmp_path, capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        data = FREE | {"providers": [{"name": "a", "port": port}]}
        path = written(tmp_path, {"a.json": json.dumps(data)}) / "a.json"
        status, out = said(capsys, "run", path, "--out", tmp_path / "runs")
    assert status == 2
    assert f"battle: port {port} for a is not available: " in out
    assert "Errno" not in out


@pytest.mark.parametrize("threshold", ["5000", "10", "1.01", "inf", "nan", "0"])
def test_a_threshold_in_percent_is_refused(tmp_path, capsys, threshold):
    status, out = said(capsys, "compare", "latest", "--threshold", threshold, "--out", tmp_path)
    assert status == 2
    assert "--threshold is a share above 0 and up to 1, such as 0.1 for 10 %, not" in out
