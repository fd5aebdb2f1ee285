"""SQL of the tests' own. Users' SQL is answered by a process of its own, which takes long to start."""

from battle.store import database
from battle.store.database import Result, Run


def asked(run: Run, sql: str) -> Result:
    """The answer to SQL that is ours, from the connection that reports use."""
    connection, views = run._trusted_connection()
    views.define_mentioned(sql)
    return database._run(connection, sql, {})
