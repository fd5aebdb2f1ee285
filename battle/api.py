"""`run_scenario`: record a run, judge its log, write its reports."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from battle.actors.spec.gateways import Gateway
from battle.analysis.reports.schema import Report
from battle.defaults import DEFAULT_OUT, DEFAULT_SEED
from battle.scenario.scenario import Scenario

if TYPE_CHECKING:  # whoever writes a scenario should not wait for trio
    from battle.actors.world.interfaces import WorldName
    from battle.run.backend import Backend


class RunResult(msgspec.Struct, frozen=True):
    """A run that came to its end, or was interrupted: where it lies, and what it showed.

    `history_problem` is why it could not be added to the history; None when nothing was wrong.
    """

    run_dir: Path
    report: Report
    interrupted: bool
    history_problem: str | None = None


def run_scenario(
    scenario: Scenario | str | Path,
    *,
    world: WorldName = "live",
    seed: int = DEFAULT_SEED,
    gateway: Gateway | str | Path | None = None,
    out: Path | str = DEFAULT_OUT,
    strict: bool = False,
    history: Path | str | None = None,
    progress: bool = False,
    on_start: Callable[[Path], object] = lambda run_dir: None,
    on_warning: Callable[[str], object] = lambda warning: None,
    source: str | None = None,
    backend: Backend | None = None,
    providers: Path | str | None = None,
) -> RunResult:
    """Run a scenario, seal its log, judge it and write its reports.

    It returns when that is done, and may be called from anywhere: where an event loop is running already, of asyncio
    or trio, a notebook's too, the run has a thread of its own, and the loop waits.

    Arguments: `scenario` is one, or what `battle run` takes: a name, a file. `gateway` replaces the scenario's: a
    gateway, or what `--gateway` takes. `strict` fails on a warning. `on_start` is called with the run's directory, in
    the thread of the run, and `on_warning` with each sentence that is known before the start and does not forbid the
    run. SLOs that another gateway, or a simulated one, cannot show are left out, and so warned of. `history` is the
    directory of the history that the run is added to, made if there is none; None: `battle_history` in the working
    directory, if it exists. A history that cannot be written changes nothing of the result: `on_warning` is called.
    With the `backend` "real" the real providers in the file `providers` ("battle.providers.toml" when nothing is
    said) take the place of the scenario's mocks; None: what BATTLE_BACKEND says, or "mock".
    `source` is what one types to name the scenario, for `command` in run.json; a name or a path is that already.
    Ctrl-C, SIGTERM and SIGHUP end the run early, in good order: what there is by then is sealed and judged.
    Asked a second time they leave the log as it is; so does Ctrl-C while it is sealed or judged. Called from a
    thread other than the main one, the run sees no signals.

    Raises:
        ScenarioError: the scenario cannot be run as it is, or an argument is none.
        RunLostError: the log cannot be sealed or reported; what there is of it lies in the run's directory.
        StartError: a port is in use, a program is missing, `out` cannot be written.
        RunInterruptedError: somebody would not wait for the end; it is a KeyboardInterrupt.
    """
    from battle.analysis.reports.files import write_reports
    from battle.history.recording import Recording
    from battle.run.arguments import check_arguments
    from battle.run.record import judgeable, record_scenario

    check_arguments(history=history)
    recording = Recording.to(history)  # of the working directory at the start
    recorded = record_scenario(
        scenario,
        world=world,
        seed=seed,
        gateway=gateway,
        out=out,
        strict=strict,
        progress=progress,
        on_start=on_start,
        on_warning=on_warning,
        source=source,
        backend=backend,
        providers=providers,
    )
    with judgeable(recorded.run_dir):
        report = write_reports(recorded.run_dir, also=recording.take)
        problem = recording.write()
    if problem is not None:
        on_warning(problem)
    return RunResult(recorded.run_dir, report, recorded.interrupted, problem)
