"""The event log: typed events, append-only segments, and the DuckDB side that answers questions about them.

The moving parts import `events`, `segment`, `sink` and what these need; they start fast and know no database. `scan`,
`seal` and `database` are the reading side, which no actor imports.
"""
