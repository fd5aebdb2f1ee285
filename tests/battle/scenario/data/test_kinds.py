"""Which data files are providers files, gateway files and profiles, and which are nothing of Battle's."""

from pathlib import Path

import pytest

from battle.scenario.data.kinds import kind_of, tag_of_gateway
from tests.battle.scenario.test_discovery import DATA

REAL = {"name": "a", "url": "https://node.example"}


@pytest.mark.parametrize(
    ("name", "data", "kind"),
    [
        ("battle.providers.toml", {"providers": [REAL]}, "providers"),
        ("mine.toml", {"providers": [REAL, {"name": "b"}]}, "providers"),
        ("battle.providers.toml", {"provider": [REAL]}, "providers"),
        ("battle.providers.toml", DATA, None),
        ("real.toml", DATA | {"providers": [REAL | {"type": "real"}]}, None),
        ("begun.toml", {"name": "begun", "providers": [REAL]}, None),
        ("begun.toml", {"providers": [{"name": "a"}]}, None),
        ("a.toml", DATA, None),
        ("g.toml", {"command": ["x"]}, "gateway"),
        ("g.toml", {"url": "http://x"}, "gateway"),
        ("g.toml", {"name": "g", "comand": ["x"]}, "gateway"),
        ("g.toml", {"name": "g", "ulr": "http://x"}, "gateway"),
        ("g.toml", {"name": "g", "template": "x", "ready_timeout": "1s"}, "gateway"),
        ("mine.gateway.toml", {"name": "g"}, "gateway"),
        ("gateway.toml", {"colour": 1}, "gateway"),
        ("package.json", {"name": "x", "version": "1", "scripts": {}}, None),
        ("settings.json", {"name": "x", "port": 8080, "path": "/"}, None),
        ("tool.json", {"commands": ["build", "test"]}, None),
        ("tool.json", {"name": "x", "commands": {"build": "x"}}, None),
        ("mkdocs.yml", {"site_name": "x", "theme": {}, "nav": [], "grace": 1}, None),
        ("p.profile.toml", {"latencies_ms": [1.0]}, "profile"),
        ("list.json", [1], None),
    ],
)
def test_a_file_found_in_a_directory_is_of_one_kind(name, data, kind):
    assert kind_of(Path("d", name), data) == kind


def test_a_file_that_is_named_may_have_nothing_but_a_misspelt_command():
    assert kind_of(Path("g.toml"), {"comand": ["x"]}, is_named=True) == "gateway"
    assert kind_of(Path("g.toml"), {"comand": ["x"]}) is None


@pytest.mark.parametrize(
    ("data", "tag"),
    [
        ({"comand": ["x"], "ws_url": "ws://x"}, "command"),
        ({"ulr": "http://x"}, "url"),
        ({"ws_url": "ws://x"}, "url"),
        ({"template": "x"}, "command"),
        ({"command": ["x"], "url": "http://x"}, "url"),
    ],
)
def test_a_gateway_that_says_neither_is_what_its_other_fields_say(data, tag):
    assert tag_of_gateway(data) == tag
