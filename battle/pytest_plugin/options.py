"""Options, settings in the ini-file, and marks."""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from battle.defaults import DEFAULT_HISTORY, DEFAULT_OUT

MARKS = {
    "battle_fast": "a short battle: the whole set fits into a pull request",
    "battle_slow": "a battle of minutes",
    "battle_soak": "a battle of half an hour or more",
}
"""Scenario files get them by the scenarios' own tags: `fast`, `slow`, `soak`."""

WORLDS = ("live", "simulated")
_HELP = {
    "world": "where battles run: live (real processes) or simulated (one process, simulated time)",
    "seed": "random seed of a battle",
    "gateway": "the gateway to test instead of each scenario's own: a name, a URL or a file",
    "out": f"directory for results; default: {DEFAULT_OUT} in pytest's root directory",
    "history": f"directory of the history; default: {DEFAULT_HISTORY} in pytest's root directory, if it exists",
}

_PROPERTIES = "properties of the battles that tests ran"
_STRICT = "a warning fails a battle, as in `battle run --strict`"


class Settings(NamedTuple):
    """What holds for each run that does not say otherwise."""

    world: str
    seed: int
    gateway: str | None
    out: Path
    strict: bool
    properties: bool
    history: Path | None


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--battle-...`, and the same as settings named `battle_...`."""
    group = parser.getgroup("battle")
    kinds: dict[str, dict[str, Any]] = {
        "world": {"choices": WORLDS},
        "seed": {"type": int, "metavar": "N"},
        "gateway": {"metavar": "NAME|URL|FILE"},
        "out": {"metavar": "DIR"},
        "history": {"metavar": "DIR"},
    }
    for name, text in _HELP.items():
        group.addoption(f"--battle-{name}", help=text, **kinds[name])
        parser.addini(f"battle_{name}", text)
    group.addoption("--battle-strict", action="store_true", default=None, help=_STRICT)
    parser.addini("battle_strict", _STRICT, type="bool", default=False)
    group.addoption(
        "--battle-no-properties", action="store_true", default=False, help=f"no {_PROPERTIES} in JUnit XML"
    )
    parser.addini("battle_properties", f"{_PROPERTIES} in JUnit XML", type="bool", default=True)


def pytest_configure(config: pytest.Config) -> None:
    """Make the marks known, and see that the settings can be understood."""
    for mark, text in MARKS.items():
        config.addinivalue_line("markers", f"{mark}: {text}")
    for name in ("battle_out", "battle_history"):
        given = getattr(config.option, name)
        if given is not None:
            # An xdist worker gets the options as they are here, and may have another working directory.
            setattr(config.option, name, str(config.invocation_params.dir / given))
    settings_of(config)
    if not {"GITHUB_ACTIONS", "GITLAB_CI"}.isdisjoint(os.environ):
        # Only there is it imported: it brings the analysis with it.
        config.pluginmanager.register(importlib.import_module("battle.pytest_plugin.ci"), "battle_ci")


def settings_of(config: pytest.Config) -> Settings:
    """The settings of this session: what the command line says, else the ini-file, else what `battle run` takes.

    Raises:
        pytest.UsageError: the ini-file holds what is neither a world nor a seed.
    """
    world = _asked(config, "world") or WORLDS[0]
    if world not in WORLDS:
        raise pytest.UsageError(f"battle_world is {' or '.join(WORLDS)}, not {world!r}")
    seed = _asked(config, "seed") or "1"
    try:
        number = int(seed)
    except ValueError:
        raise pytest.UsageError(f"battle_seed is a whole number, not {seed!r}") from None
    strict = bool(config.getoption("battle_strict") or config.getini("battle_strict"))
    properties = bool(config.getini("battle_properties")) and not config.getoption("battle_no_properties")
    gateway, out, history = _asked(config, "gateway"), out_of(config), _history_of(config)
    return Settings(world, number, gateway, out, strict, properties, history)


def out_of(config: pytest.Config) -> Path:
    """Where runs lie; a directory in the ini-file counts from pytest's root directory."""
    return config.rootpath / (_asked(config, "out") or DEFAULT_OUT)


def _history_of(config: pytest.Config) -> Path | None:
    """The history that runs are added to; one in the ini-file counts from pytest's root directory."""
    directory = config.rootpath / (_asked(config, "history") or DEFAULT_HISTORY)
    return directory if _asked(config, "history") or directory.is_dir() else None


def _asked(config: pytest.Config, name: str) -> str | None:
    given = config.getoption(f"battle_{name}")
    return str(given) if given is not None else config.getini(f"battle_{name}") or None
