"""The event log: typed events, append-only segments, and the DuckDB side that answers questions about them.

`store.events` and `store.segment` are what the moving parts import; they start fast and know no database.
`store.scan`, `store.seal` and `store.database` are the reading side, which only `battle` imports.
"""
