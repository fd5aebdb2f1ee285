"""Whether statements could be asked of a log, checked before there is one."""

from collections.abc import Mapping

from battle.store.database import Run, open_run
from battle.store.errors import QueryError
from battle.store.interruptions import scratch_directory

_NUMBERS = (
    "BIGINT", "INTEGER", "HUGEINT", "SMALLINT", "TINYINT", "UBIGINT", "UINTEGER", "UHUGEINT", "USMALLINT", "UTINYINT",
    "DOUBLE", "FLOAT", "DECIMAL", "BOOLEAN",
)  # fmt: skip


def dry_run(statements: Mapping[str, str]) -> dict[str, str]:
    """What is wrong with each statement that is to give one number, by its name: DuckDB binds it to an empty log.

    What can only be known with data (how many rows it gives, a value that cannot be cast) is not found.
    """
    found: dict[str, str] = {}
    with scratch_directory("battle-dry-run-") as directory, open_run(directory) as run:
        for name, sql in statements.items():
            problem = _problem(run, sql)
            if problem is not None:
                found[name] = problem
    return found


def _problem(run: Run, sql: str) -> str | None:
    try:
        run.execute(f"EXPLAIN {sql}")
        columns = run.execute(f"DESCRIBE {sql}").rows
    except QueryError as error:
        return str(error)
    if len(columns) != 1:
        return f"it gives {len(columns)} columns, and one value is expected"
    kind = str(columns[0][1])
    return (
        None
        if kind.startswith(_NUMBERS) or kind == '"NULL"'
        else f"it gives a {kind}, and a number is expected"
    )
