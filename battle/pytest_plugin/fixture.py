"""The `battle` fixture."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from battle.pytest_plugin.alarms import alarms_deferred
from battle.pytest_plugin.options import settings_of
from battle.pytest_plugin.record import remember
from battle.pytest_plugin.result import BattleResult

if TYPE_CHECKING:
    from battle.actors.spec.gateways import Gateway
    from battle.actors.world.interfaces import WorldName
    from battle.scenario.scenario import Scenario


class Battle:
    """Runs battles for tests: in the world, with the seed and so on that the options say, unless a run says more."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    def __repr__(self) -> str:
        return "<battle>"

    def run(
        self,
        scenario: Scenario | str | Path,
        *,
        world: WorldName | None = None,
        seed: int | None = None,
        gateway: Gateway | str | None = None,
        out: str | Path | None = None,
        strict: bool | None = None,
    ) -> BattleResult:
        """Run a scenario to its end and judge it.

        Arguments: `scenario` is one, or what `battle run` takes: a shipped name, or a file. A relative file is looked
        for beside the test, then in the working directory. `gateway` replaces the scenario's: a gateway, or what
        `--gateway` takes. `out` is the directory to make the run's in. `strict` fails the run on a warning; None is
        what the options say.

        Raises:
            BattleError: the scenario cannot be loaded or run; the message is one sentence.
            KeyboardInterrupt: the run was interrupted; what there is of it was sealed and judged.
        """
        __tracebackhide__ = True
        from battle.errors import BattleError

        try:
            return self._run(scenario, world, seed, gateway, out, strict)
        except BattleError as error:
            raise error.with_traceback(None) from None

    def _run(
        self,
        scenario: Scenario | str | Path,
        world: WorldName | None,
        seed: int | None,
        gateway: Gateway | str | None,
        out: str | Path | None,
        strict: bool | None,
    ) -> BattleResult:
        __tracebackhide__ = True
        from battle.api import run_scenario

        settings = settings_of(self._config)
        item = self._config.stash.get(RUNNING, None)
        loaded = _load(scenario, item) if isinstance(scenario, str | Path) else scenario
        with alarms_deferred():
            ran = run_scenario(
                loaded,
                world=cast("WorldName", settings.world) if world is None else world,
                seed=settings.seed if seed is None else seed,
                gateway=settings.gateway if gateway is None else gateway,
                out=settings.out if out is None else out,
                strict=settings.strict if strict is None else strict,
                history=settings.history,
            )
            result = BattleResult(ran.run_dir, ran.report)
            remember(self._config, item, result, ran.history_problem)
            self._config.stash.get(_RESULTS, []).append(result)
        if ran.interrupted:
            raise KeyboardInterrupt(f"battle {ran.run_dir.name} was interrupted")
        return result


@pytest.fixture(scope="session")
def battle(pytestconfig: pytest.Config) -> Battle:
    """Runs battles: `result = battle.run("smoke")`, then `assert result.passed`."""
    return Battle(pytestconfig)


RUNNING = pytest.StashKey[pytest.Item]()
"""The test that is being run; the fixture lives longer, so that fixtures of any scope can use it."""

_RESULTS = pytest.StashKey[list[BattleResult]]()
"""What this test has run."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Know which test is being run."""
    item.config.stash[RUNNING], item.config.stash[_RESULTS] = item, []
    try:
        return (yield)
    finally:
        del item.config.stash[RUNNING], item.config.stash[_RESULTS]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """Add to an assertion's message what did not pass: `assert result.passed` alone says why it failed."""
    try:
        yield
    except AssertionError as error:
        for result in results_of(item):
            if not result.passed and not _says(error, result.summary):
                error.add_note(result.summary)
        raise


def _says(error: AssertionError, text: str) -> bool:
    """Whether the message holds the text; pytest has indented the lines of what stood behind `assert`."""
    return "".join(text.split()) in "".join(str(error).split())


def results_of(item: pytest.Item) -> list[BattleResult]:
    """What the test has run itself, and what it got from fixtures that did."""
    given = [value for value in getattr(item, "funcargs", {}).values() if isinstance(value, BattleResult)]
    return list(dict.fromkeys([*item.config.stash.get(_RESULTS, []), *given]))


def _load(scenario: str | Path, item: pytest.Item | None) -> Scenario:
    from battle.scenario.loader import load_scenario

    if item is not None:
        place, _, variant = str(scenario).partition(":")
        beside = item.path.parent / place
        if beside.suffix and beside.is_file():
            return load_scenario(f"{beside}:{variant}" if variant else str(beside))
    return load_scenario(str(scenario))
