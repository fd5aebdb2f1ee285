"""Baselines: what a run was like, kept in a small file, and whether a later run is worse.

`comparing`, `counts`, `intervals`, `metrics` and `sentences` decide and say, and do no I/O; `taking` reads a run,
`files` the directory of baselines, `repeating` runs a scenario again. `docs/baselines.md` says what the words mean.
"""
