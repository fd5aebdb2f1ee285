"""Baselines: what a run was like, kept in a small file, and whether a later run is worse.

`comparing` decides, with what it imports from here, and does no I/O; `taking` reads a run,
`files` the directory of baselines, `repeating` runs a scenario again. `docs/baselines.md` says what the words mean.
"""
