"""docs/commands.md: from the command line itself."""

import inspect
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any, Literal, get_args, get_origin, get_type_hints

import typer.models

from battle.analysis.findings import EXIT_STATUS
from battle.cli.app import COMMANDS
from battle.cli.exit_status import INTERRUPTED, WRONG_USE
from tools.docs.markdown import page, table

_COMMANDS_INTRO = """\
`battle` and `python -m battle` are the same program. Results go to stdout, progress and messages to stderr.
There is no colour and no animation when stderr is not a terminal.
""".splitlines()

_STATUS_MEANINGS = {
    EXIT_STATUS["PASS"]: "PASS; of the other commands: done",
    EXIT_STATUS["FAIL"]: "FAIL; of `battle compare`: worse than the baseline",
    WRONG_USE: "wrong use, a wrong scenario, or a run that could not start; one sentence on stderr says why",
    EXIT_STATUS[
        "INCONCLUSIVE"
    ]: "INCONCLUSIVE: the measurement cannot be trusted, and the report says why; of "
    "`battle compare`: not enough data",
    INTERRUPTED: "interrupted (Ctrl-C, SIGTERM, SIGHUP): the log is sealed, the report says that it is partial; "
    "interrupted again, or while the run is judged: the log is kept as it is",
}


def commands_page() -> str:
    """docs/commands.md: every command with its arguments, options and exit statuses."""
    return page(
        "Commands",
        [*_COMMANDS_INTRO, ""],
        *(_command(name, callback) for name, callback in commands()),
        ["## Exit status", ""],
        table(["status", "meaning"], ((str(status), text) for status, text in _STATUS_MEANINGS.items())),
        [
            "`battle report`, `charts`, `explain` and `sql` do not repeat a run's verdict in their exit status.",
            "",
        ],
    )


def commands() -> Iterator[tuple[str, Callable[..., Any]]]:
    """Every command by what one types after `battle`, those of groups last."""
    groups = []
    for name in COMMANDS:
        command = import_module(f"battle.cli.{name}").command
        if isinstance(command, typer.Typer):
            groups.append((name, command))
        else:
            yield name, command
    for group, app in groups:
        for one in app.registered_commands:
            if one.callback:
                yield f"{group} {one.name}", one.callback


def _command(name: str, callback: Callable[..., Any]) -> Iterator[str]:
    hints = get_type_hints(callback, include_extras=True)
    parameters = [(hints[p.name], p) for p in inspect.signature(callback).parameters.values()]
    arguments = [(h, p) for h, p in parameters if isinstance(h.__metadata__[0], typer.models.ArgumentInfo)]
    options = [
        (h, p)
        for h, p in parameters
        if isinstance(h.__metadata__[0], typer.models.OptionInfo) and not h.__metadata__[0].hidden
    ]
    words = [p.name.upper() if p.default is p.empty else f"[{p.name.upper()}]" for _, p in arguments]
    yield from (f"## battle {name}", "", inspect.getdoc(callback) or "", "")
    yield from ("```", " ".join(["battle", name, *words, "[OPTIONS]"]), "```", "")
    yield from table(
        ["argument or option", "default", "meaning"],
        [
            *((f"`{p.name.upper()}`", "", h.__metadata__[0].help or "") for h, p in arguments),
            *((f"`{_option(h, p)}`", _option_default(p), h.__metadata__[0].help or "") for h, p in options),
        ],
    )


def _option(hint: Any, parameter: inspect.Parameter) -> str:
    info, kind = hint.__metadata__[0], get_args(hint)[0]
    # In an annotation, typer keeps the first name where a default would be.
    names = [one for one in (info.default, *(info.param_decls or ())) if isinstance(one, str)]
    flag = next(iter(names), f"--{parameter.name.replace('_', '-')}")
    if kind is bool:
        return flag
    choices = "|".join(get_args(kind)) if get_origin(kind) is Literal else None
    return f"{flag} {info.metavar or choices or parameter.name.upper()}"


def _option_default(parameter: inspect.Parameter) -> str:
    if parameter.default is parameter.empty:
        return "required"
    return "" if parameter.default in (None, False) else f"`{parameter.default}`"
