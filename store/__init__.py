"""The event log: typed events, append-only segments, and the DuckDB side that answers questions about them.

`events` and `segment` are what the moving parts import; they start fast and know no database. `scan`, `seal` and
`database` are the reading side, which no actor imports.
"""
