"""A mistake is in the line of what it is about, also where a file has it in a line with others."""

import tomllib

import pytest

from battle.cli.app import run_command_line
from battle.probing.first_files import scenario_text
from battle.scenario.data.lines import line_of

TEXT = r'''
# [not.a.table]
name = "x # no [comment] \" = {"
providers = [  # three
  { name = "a", latency = "20ms" },
  { name = "b", port = 1 }, { name = "c" }, [1, 2.5,
    3],
]
slo.success_rate = 0.9
"quoted key" = 1

template = """
name = "[in a text]" \"""
two quotes at the end"""""
after = { at = 1979-05-27 07:32:00, deep = { er = [ { x = 'it'}, { x = 1 } ] } }

[[chaos]]
type = "kill"
[chaos.inner]
list = [
  'a',

  'b',
]

[[chaos]]
type = '[[no]]'
down = 5'''

PLACES = {
    ("name",): 3,
    ("providers",): 4,
    ("providers", 0, "latency"): 5,
    ("providers", 1): 6,
    ("providers", 1, "port"): 6,
    ("providers", 2, "name"): 6,
    ("providers", 3, 1): 6,
    ("providers", 3, 2): 7,
    ("providers", 2, "nothing"): 6,
    ("slo",): 9,
    ("slo", "success_rate"): 9,
    ("quoted key",): 10,
    ("template",): 12,
    ("after", "at"): 15,
    ("after", "deep", "er", 1, "x"): 15,
    ("chaos", 0, "type"): 18,
    ("chaos", 0, "inner", "list", 0): 21,
    ("chaos", 0, "inner", "list", 1): 23,
    ("chaos", 1): 26,
    ("chaos", 1, "type"): 27,
    ("chaos", 1, "down"): 28,
    ("nowhere", "at", "all"): None,
    (): None,
}


@pytest.mark.parametrize(("path", "line"), PLACES.items(), ids=map(str, PLACES))
def test_each_table_key_and_item_has_its_line(path, line):
    tomllib.loads(TEXT)
    assert line_of(TEXT, ".toml", path) == line


def test_every_wrong_item_of_a_list_is_in_its_own_line(tmp_path, capsys):
    text = scenario_text("mine", ports=(), with_websockets=False).replace('"20ms"', '"soon"')
    lines = [number for number, line in enumerate(text.splitlines(), 1) if "soon" in line]
    (tmp_path / "first.toml").write_text(text)
    assert run_command_line(["check", str(tmp_path / "first.toml")]) == 2
    said = [line for line in capsys.readouterr().out.splitlines() if line.startswith("  - line ")]
    assert [int(line.split()[2].rstrip(":")) for line in said] == lines == [6, 7, 8]
    assert [f"providers[{number}]" in line for number, line in enumerate(said)] == [True] * 3
