"""What can be wrong when a log is read. A full disk while it is written is counted, never raised."""


class LogError(Exception):
    """The run directory is not one, or its log contradicts itself; the message says where."""


class QueryError(Exception):
    """A mistake in a query, or something a query may not do: DuckDB's message as one sentence."""
