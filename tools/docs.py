"""Makes the generated pages of docs/ anew, and the printed answers in docs/cookbook.md and README.md.

    python tools/docs.py

Tables come from the event structs and the comments in the view files, the scenario reference from the spec
structs, the commands from the command line itself, and the answers from two simulated runs. Tests in tests/docs/
hold that the committed pages are up to date.
"""

import ast
import inspect
import io
import re
import sys
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import redirect_stderr, redirect_stdout
from enum import EnumType
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, get_args, get_type_hints

import duckdb
import msgspec
import typer.models

from actors.units import format_duration
from battle.cli.app import INTERRUPTED, WRONG_USE, app
from battle.cli.sql import sql_command
from battle.judgement.verdict import EXIT_STATUS
from battle.loading import load_scenario
from battle.run import run_scenario
from battle.scenario import Scenario
from store import catalog
from store.events import TABLES
from store.scan import SegmentHealth
from store.schema import struct_columns, table_columns
from store.seal import write_tables

DOCS = Path(__file__).parent.parent / "docs"
ANSWERED = (DOCS / "cookbook.md", DOCS.parent / "README.md")
"""Pages that show queries with their answers."""

SEED = 7
"""Of the runs that the cookbook asks."""

_DO_NOT_EDIT = "<!-- Made by `make docs` (tools/docs.py) from the code. Change the code, not this page. -->"
_UNITS = {"_ns": "ns", "_bytes": "bytes", "_percent": "%", "_ratio": "0..1", "_per_s": "per second"}
_NEVER_NULL = "no"


def page(title: str, *parts: Iterable[str]) -> str:
    """A whole generated page."""
    return "\n".join([_DO_NOT_EDIT, "", f"# {title}", "", *(line for part in parts for line in part)])


def _table(columns: list[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    yield f"| {' | '.join(columns)} |"
    yield f"|{' --- |' * len(columns)}"
    for row in rows:
        cells = (cell.replace("|", "\\|").replace("\n", " ") for cell in row)
        yield f"| {' | '.join(cells)} |"
    yield ""


def _unit(column: str) -> str:
    return next((unit for suffix, unit in _UNITS.items() if column.endswith(suffix)), "")


# docs/tables.md

_TABLES_INTRO = """\
All of these can be asked with `battle sql`. A table is what was seen, one row per event; a view is a question
that is asked often. Times (`at_ns`, `started_ns`, ...) are nanoseconds since the run's epoch, durations are
nanoseconds too; in the simulated world both are virtual. `segment` names the segment a row came from: the node
and its incarnation. `latency` always counts from the moment a request was due.
""".splitlines()


def tables_page() -> str:
    """docs/tables.md: every table and view of a run."""
    return page(
        "Tables and views",
        [*_TABLES_INTRO, ""],
        ["## Tables of the log", ""],
        *(_event_table(table) for table in TABLES),
        ["## Tables about the run", ""],
        _facts_table("run", catalog.RUN_COLUMNS, _RUN_TEXT),
        _facts_table("segments", struct_columns(SegmentHealth), inspect.getdoc(SegmentHealth) or ""),
        ["## Views", ""],
        *(_view(path, columns) for path, columns in _views()),
    )


_RUN_TEXT = """\
One row: what `run.json` says at its top level under these names, NULL for what it does not say, and all of it as
`document`. Ask for more with `document->'scenario'->>'name'`."""


def _event_table(table: str) -> Iterator[str]:
    event = TABLES[table]
    fields = {field.name: field for field in msgspec.structs.fields(event)}
    hints = get_type_hints(event)
    yield from (f"### {table}", "", inspect.getdoc(event) or "", "")
    yield from _table(
        ["column", "type", "unit", "can be NULL", "values"],
        (
            (
                f"`{name}`",
                kind,
                _unit(name),
                "yes" if name in fields and not fields[name].required else _NEVER_NULL,
                ", ".join(f"`{value}`" for value in _choices(hints.get(name))),
            )
            for name, kind in table_columns(table).items()
        ),
    )


def _choices(annotation: Any) -> tuple[str, ...]:
    return get_args(annotation) if typing.get_origin(annotation) is Literal else ()


def _facts_table(name: str, columns: dict[str, str], text: str) -> Iterator[str]:
    yield from (f"### {name}", "", text, "")
    rows = ((f"`{column}`", kind, _unit(column)) for column, kind in columns.items())
    yield from _table(["column", "type", "unit"], rows)


def _views() -> Iterator[tuple[Path, dict[str, str]]]:
    """Each view's file with its columns and their types, as DuckDB sees them over an empty log."""
    with TemporaryDirectory() as scratch, duckdb.connect() as connection:
        manifest = write_tables([], Path(scratch))
        paths = {table: f"{scratch}/{table}.parquet" for table in TABLES}
        catalog.define_tables(connection, paths, kind="TABLE")
        catalog.define_segments(connection, manifest)
        catalog.define_run(connection, Path(scratch))
        catalog.define_views(connection)
        for path in sorted(catalog.VIEWS.glob("*.sql")):
            described = connection.execute(f"DESCRIBE {path.stem}").fetchall()
            yield path, {row[0]: row[1] for row in described}


def _view(path: Path, columns: dict[str, str]) -> Iterator[str]:
    prose, meanings = read_header(path.read_text(), set(columns))
    missing = columns.keys() - meanings.keys()
    if missing:
        raise SystemExit(f"{path}: its header says nothing of {', '.join(sorted(missing))}")
    yield from (f"### {path.stem}", "", *prose)
    rows = ((f"`{name}`", kind, _unit(name), meanings[name]) for name, kind in columns.items())
    yield from _table(["column", "type", "unit", "meaning"], rows)


def read_header(sql: str, columns: set[str]) -> tuple[list[str], dict[str, str]]:
    """The header comment of a view: its prose as lines of Markdown, and what it says of each column."""
    prose: list[str] = []
    meanings: dict[str, str] = {}
    current: list[str] = []
    for line in _comment(sql):
        names = re.match(r"([a-z0-9_]+(?:, [a-z0-9_]+)*)(?:$|  +|(?<=_ns) )", line)
        if names and columns.issuperset(names[1].split(", ")):
            current = names[1].split(", ")
            meanings |= dict.fromkeys(current, line[names.end() :].strip())
        elif current and line.startswith("  "):
            meanings |= {name: f"{meanings[name]} {line.strip()}".strip() for name in current}
        else:
            prose.append(line)
    while prose and not prose[-1]:
        prose.pop()
    return [*prose, ""], meanings


def _comment(sql: str) -> Iterator[str]:
    for line in sql.splitlines():
        if not line.startswith("--"):
            return
        yield line.removeprefix("--").removeprefix(" ").rstrip()


# docs/scenario.md

_SCENARIO_INTRO = """\
What a scenario can say. All of it is imported from `battle`; see the [guide](guide.md) for how it goes together.
In TOML, YAML and JSON files the same names are keys, and `type` says which kind is meant where there are several.
Durations are written `ms(50)`, `seconds(5)`, `minutes(3)` in Python and `"50ms"`, `"5s"`, `"3min"` in files.
""".splitlines()


def scenario_page() -> str:
    """docs/scenario.md: every struct a scenario is made of, with its fields."""
    structs, aliases = _reachable(Scenario)
    return page(
        "Scenario reference",
        [*_SCENARIO_INTRO, ""],
        *(_struct(struct) for struct in structs),
        ["## Words used above", ""],
        *(_alias(name, home) for name, home in sorted(aliases.items())),
    )


def _reachable(root: type) -> tuple[list[type], dict[str, types.ModuleType]]:
    """All structs that `root` is made of, and the type aliases their fields name with where they stand."""
    structs: dict[type, None] = {}
    aliases: dict[str, types.ModuleType] = {}
    waiting = [root]
    while waiting:
        struct = waiting.pop(0)
        if struct in structs:
            continue
        structs[struct] = None
        waiting += [found for hint in get_type_hints(struct).values() for found in _structs_in(hint)]
        for _, text, home in _written_fields(struct):
            names = re.findall(r"[A-Z][A-Za-z]+", text)
            aliases |= {name: _home(name, home) for name in names if _is_alias(name, home)}
    return list(structs), aliases


def _structs_in(hint: Any) -> Iterator[type]:
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        yield hint
    for argument in get_args(hint):
        yield from _structs_in(argument)


def _is_alias(name: str, home: types.ModuleType) -> bool:
    value = getattr(home, name, None)
    return value is not None and name != "Any" and not (isinstance(value, type) and value is not int)


def _home(name: str, user: types.ModuleType) -> types.ModuleType:
    """The module that defines the alias, which `user` may only import."""
    for node in ast.parse(inspect.getsource(user)).body:
        if isinstance(node, ast.ImportFrom) and any(alias.name == name for alias in node.names):
            return _home(name, sys.modules[str(node.module)])
    return user


def _written_fields(struct: type) -> Iterator[tuple[str, str, types.ModuleType]]:
    """Each field's name, its annotation as written, and the module it is written in."""
    for base in _own_bases(struct):
        for node in _class_body(base):
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                yield node.target.id, ast.unparse(node.annotation), sys.modules[base.__module__]


def _own_bases(struct: type) -> list[type]:
    """The classes that give the struct its fields, itself among them."""
    bases = struct.__mro__[: struct.__mro__.index(msgspec.Struct)]
    return list(reversed(bases))


def _class_body(struct: type) -> list[ast.stmt]:
    definition = ast.parse(inspect.getsource(struct)).body[0]
    assert isinstance(definition, ast.ClassDef)
    return definition.body


def _docs_after(body: list[ast.stmt]) -> dict[str, str]:
    """What the strings after assignments say of what was assigned."""
    return {
        node.target.id: inspect.cleandoc(after.value.value)
        for node, after in pairwise(body)
        if isinstance(node, ast.AnnAssign)
        and isinstance(node.target, ast.Name)
        and isinstance(after, ast.Expr)
        and isinstance(after.value, ast.Constant)
        and isinstance(after.value.value, str)
    }


def _struct(struct: type) -> Iterator[str]:
    yield from (f"## {struct.__name__}", "", inspect.getdoc(struct) or "", "")
    tag = struct.__struct_config__.tag  # type: ignore[attr-defined]
    if tag is not None:
        yield from (f'In files: `type = "{tag}"`.', "")
    written = {name: text for name, text, _ in _written_fields(struct)}
    docs = {name: doc for base in _own_bases(struct) for name, doc in _docs_after(_class_body(base)).items()}
    columns = ["field", "type", "default", *(["meaning"] if docs else [])]
    yield from _table(
        columns,
        (
            (
                f"`{field.name}`",
                f"`{written[field.name]}`",
                _default(field, written),
                docs.get(field.name, ""),
            )[: len(columns)]
            for field in msgspec.structs.fields(struct)
        ),
    )


def _default(field: msgspec.structs.FieldInfo, written: dict[str, str]) -> str:
    if field.required:
        return "required"
    value = field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
    if isinstance(value, msgspec.Struct):
        return f"`{type(value).__name__}()`"
    if isinstance(value, int) and value and written[field.name].startswith(("Duration", "Latency")):
        return format_duration(value)
    if isinstance(value, set):
        return f"`{{{', '.join(repr(item) for item in sorted(value))}}}`"
    return f"`{value!r}`"


def _alias(name: str, home: types.ModuleType) -> Iterator[str]:
    body = ast.parse(inspect.getsource(home)).body
    (written,) = (
        ast.unparse(node.value)
        for node in body
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == name and node.value is not None
    )
    yield from (f"**{name}** = `{written}`", "")
    if doc := _docs_after(body).get(name):
        yield from (doc, "")


# docs/commands.md

_COMMANDS_INTRO = """\
`battle` and `python -m battle` are the same program. Results go to stdout, progress and messages to stderr.
There is no colour and no animation when stderr is not a terminal.
""".splitlines()

_STATUS_MEANINGS = {
    EXIT_STATUS["PASS"]: "PASS; of the other commands: done",
    EXIT_STATUS["FAIL"]: "FAIL",
    WRONG_USE: "wrong use, a wrong scenario, or a run that could not start; one sentence on stderr says why",
    EXIT_STATUS["INCONCLUSIVE"]: "INCONCLUSIVE: the measurement cannot be trusted, and the report says why",
    INTERRUPTED: "interrupted (Ctrl-C or SIGTERM): the log is sealed, the report says that it is partial",
}


def commands_page() -> str:
    """docs/commands.md: every command with its arguments, options and exit statuses."""
    return page(
        "Commands",
        [*_COMMANDS_INTRO, ""],
        *(
            _command(command.name or command.callback.__name__, command.callback)
            for command in app.registered_commands
            if command.callback
        ),
        ["## Exit status", ""],
        _table(["status", "meaning"], ((str(status), text) for status, text in _STATUS_MEANINGS.items())),
        ["`battle report` and `battle sql` do not repeat a run's verdict in their exit status.", ""],
    )


def _command(name: str, callback: Callable[..., Any]) -> Iterator[str]:
    hints = get_type_hints(callback, include_extras=True)
    parameters = [(hints[p.name], p) for p in inspect.signature(callback).parameters.values()]
    arguments = [(h, p) for h, p in parameters if isinstance(h.__metadata__[0], typer.models.ArgumentInfo)]
    options = [(h, p) for h, p in parameters if isinstance(h.__metadata__[0], typer.models.OptionInfo)]
    words = [p.name.upper() if p.default is p.empty else f"[{p.name.upper()}]" for _, p in arguments]
    yield from (f"## battle {name}", "", inspect.getdoc(callback) or "", "")
    yield from ("```", " ".join(["battle", name, *words, "[OPTIONS]"]), "```", "")
    yield from _table(
        ["argument or option", "default", "meaning"],
        [
            *((f"`{p.name.upper()}`", "", h.__metadata__[0].help or "") for h, p in arguments),
            *((f"`{_option(h, p)}`", _option_default(p), h.__metadata__[0].help or "") for h, p in options),
        ],
    )


def _option(hint: Any, parameter: inspect.Parameter) -> str:
    info, kind = hint.__metadata__[0], get_args(hint)[0]
    flag = next(iter(info.param_decls or ()), f"--{parameter.name}")
    if kind is bool:
        return flag
    choices = "|".join(kind) if isinstance(kind, EnumType) else None
    return f"{flag} {info.metavar or choices or parameter.name.upper()}"


def _option_default(parameter: inspect.Parameter) -> str:
    return "" if parameter.default in (None, False) else f"`{parameter.default}`"


# Answers in docs/cookbook.md and README.md

_RECIPE = re.compile(r"```sql(?: (?P<run>\w+))?\n(?P<sql>.*?)```\n\n```text\n(?P<answer>.*?)```\n", re.DOTALL)
DEFAULT_RUN = "http_failover"
RUNS = (DEFAULT_RUN, "smoke")
"""The scenarios whose simulated runs are asked; `sql smoke` after the back-quotes names another than the default."""


class Recipe(msgspec.Struct, frozen=True):
    """One query of the cookbook: the run it asks, the SQL, and the answer as printed there."""

    run: str
    sql: str
    answer: str


def recipes(text: str) -> list[Recipe]:
    """The queries of a page that are followed by their answers."""
    return [Recipe(m["run"] or DEFAULT_RUN, m["sql"], m["answer"]) for m in _RECIPE.finditer(text)]


def make_run(name: str, out: Path) -> Path:
    """Run a shipped scenario in the simulated world, for the cookbook to ask."""
    return run_scenario(load_scenario(name), world="simulated", seed=SEED, out=out / name).run_dir


def answer(run_dir: Path, sql: str) -> str:
    """What `battle sql` prints."""
    printed, counted = io.StringIO(), io.StringIO()
    with redirect_stdout(printed), redirect_stderr(counted):
        sql_command(str(run_dir), sql, "table", run_dir.parent, export=False)
    return printed.getvalue() + counted.getvalue()


def answered(text: str, runs: Mapping[str, Path]) -> str:
    """The page with its answers made anew."""

    def again(match: re.Match[str]) -> str:
        fresh = answer(runs[match["run"] or DEFAULT_RUN], match["sql"])
        return f"{match[0][: match.start('answer') - match.start()]}{fresh}```\n"

    return _RECIPE.sub(again, text)


PAGES: dict[str, Callable[[], str]] = {
    "tables.md": tables_page,
    "scenario.md": scenario_page,
    "commands.md": commands_page,
}


def main() -> None:
    """Write all pages."""
    for name, make in PAGES.items():
        (DOCS / name).write_text(make())
    with TemporaryDirectory() as scratch:
        runs = {name: make_run(name, Path(scratch)) for name in RUNS}
        for path in ANSWERED:
            path.write_text(answered(path.read_text(), runs))


if __name__ == "__main__":
    main()
