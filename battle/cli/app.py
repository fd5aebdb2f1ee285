"""The program: its commands, and what becomes of the mistakes of whoever uses it.

Exit status: 0 PASS, 1 FAIL and nothing else, 2 wrong use, damaged files, or a bug in Battle, 3 INCONCLUSIVE, 130
interrupted.
"""

import importlib
import sys
from typing import Annotated, Any

import typer
import typer.core
import typer.main

from battle.actors.redaction import redacted
from battle.cli.exit_status import INTERRUPTED, WRONG_USE
from battle.cli.output import outputs
from battle.process_limits import (
    MachineError,
    described,
    is_exhausted,
    require_minimum,
)
from battle.run.signals import ended_like_interrupted


class _UnexpectedError(Exception):
    """Around an exception that typer would take for the user's leaving, and answer with exit status 1."""


COMMANDS = {
    "run": "Run SCENARIO and judge it.",
    "record": "Measure a provider, politely, and write its profile, which mock providers replay.",
    "suite": "Run many scenarios one after the other, and judge them together.",
    "init": "Look at a gateway, and write a first gateway file and scenario.",
    "up": "Start the providers of SCENARIO, for a gateway that runs elsewhere, until Ctrl-C; faults can be typed.",
    "list": "List the shipped scenarios and those found below PATH: what each proves, how long it takes.",
    "recipes": "List the shipped gateway files, and whether their programs are installed. Print the one called NAME.",
    "check": "Check scenarios and gateway files without running them. Exit status 2 when something is wrong.",
    "sql": "Query the log of RUN.",
    "explain": "Explain one request of RUN: client, gateway, breakers, providers and faults.",
    "report": "Print the report of RUN, regenerated from its log.",
    "charts": "Draw the charts of RUN, regenerated from its log.",
    "compare": "Check whether RUN is worse than its baseline. Exit status: 0 no, 1 yes, 3 not enough data.",
    "judge": "Judge RUN again from its log alone, by its own SLOs and checkers or by others.",
    "export": "Export the metrics, traces and faults of RUN to monitoring systems, as they would have been live.",
    "notify": "Send the verdict of RUN to Slack, a pull request, by email or to a webhook. Exit status 2: not sent.",
    "baseline": "Save runs to compare later runs with.",
    "bisect": "Find the commit that made SCENARIO fail, or a metric worse, in the simulated world.",
    "ci": "Write a workflow for GitHub Actions or GitLab CI into this repository.",
    "slo": "Suggest SLOs from the history, and export SLOs to monitoring systems.",
    "history": "Keep one row of each judged run, to see trends.",
    "trend": "Show how metrics changed over the runs of the history, and since which commit.",
}
"""Each command and what it does. The module of its name is imported when it is used: it may need DuckDB."""


def load_command(name: str) -> typer.core.TyperGroup | typer.core.TyperCommand:
    """The command, with all that it needs."""
    command = importlib.import_module(f"battle.cli.{name}").command
    if not isinstance(command, typer.Typer):
        alone = typer.Typer(add_completion=False, rich_markup_mode=None)
        alone.command(name)(command)
        command = alone
    loaded: Any = typer.main.get_command(command)
    loaded.name = name
    return loaded  # type: ignore[no-any-return]


class _Program(typer.core.TyperGroup):
    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        return load_command(cmd_name) if cmd_name in COMMANDS else None

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: Any) -> Any:
        """Run the command. An end of input and a broken pipe inside it are no FAIL, which is what 1 means.

        What an interruption says is printed here: typer leaves with 130 without a word.
        """
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as interruption:
            if words := str(interruption):
                print(f"battle: {words}", file=sys.stderr)
            raise
        except (EOFError, OSError) as error:
            raise _UnexpectedError from error


app = typer.Typer(
    name="battle",
    cls=_Program,
    help="Prove or refute that a gateway survives failures of the providers behind it.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _say_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"battle {version('battle-gateway')}")
        raise typer.Exit


@app.callback()
def whole_program(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_say_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Prove or refute that a gateway survives failures of the providers behind it."""


_VERDICTS = frozenset({"run", "suite", "compare", "judge", "bisect"})
"""Commands whose exit status is an answer: it stays, though what they print cannot be written."""


def run_command_line(arguments: list[str]) -> int:
    """Run one command; the answer is the exit status. Mistakes of the user end as one sentence on stderr."""
    _hide_credentials(arguments)
    with outputs() as out:
        status = _status(arguments)
        out.flush()
        if out.lost is None:
            return status
        print(f"battle: the output cannot be written: {out.lost}", file=sys.stderr)
    return status if arguments[:1] and arguments[0] in _VERDICTS else WRONG_USE


def _hide_credentials(arguments: list[str]) -> None:
    """Everybody on the machine can read a process list: what was typed as `--gateway http://user:password@...`."""
    shown = [redacted(argument) for argument in arguments]
    if shown != arguments:
        from setproctitle import setproctitle

        setproctitle(" ".join(["battle", *shown]))


def _status(arguments: list[str]) -> int:
    try:
        require_minimum()
        with ended_like_interrupted():
            app(arguments, prog_name="battle")
    except SystemExit as leave:
        return int(leave.code or 0)
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:
        cause = error.__cause__ if isinstance(error, _UnexpectedError) and error.__cause__ else error
        if is_exhausted(cause) and not _is_users(error):
            print(f"battle: {described(cause)}", file=sys.stderr)
            return WRONG_USE
        if not _is_users(error):
            return _report_bug(error)
        print(f"battle: {error}", file=sys.stderr)
        return _status_of(error)
    return 0


def _report_bug(error: Exception) -> int:
    """A mistake of Battle's own is no FAIL: nobody may take it for a verdict on the gateway."""
    import traceback

    cause = error.__cause__ if isinstance(error, _UnexpectedError) and error.__cause__ else error
    traceback.print_exception(cause, file=sys.stderr)
    what = " ".join(f"{type(cause).__name__}: {cause}".split())
    print(f"battle: this is a bug in Battle, please report it with the lines above: {what}", file=sys.stderr)
    return WRONG_USE


def _status_of(error: Exception) -> int:
    """A run that took place and cannot be judged is INCONCLUSIVE; all else is wrong use."""
    from battle.analysis.findings import EXIT_STATUS
    from battle.errors import RunLostError

    return EXIT_STATUS["INCONCLUSIVE"] if isinstance(error, RunLostError) else WRONG_USE


def _is_users(error: Exception) -> bool:
    """Whether the message is for whoever gave the command, not for whoever mends Battle."""
    from battle.errors import BattleError
    from battle.store.errors import LogError, QueryError

    return isinstance(error, BattleError | LogError | QueryError | MachineError)
