"""Baselines: what a run was like, kept in a small file, and whether a later run is worse.

`compare` decides and does no I/O, with what it imports from here; `run_snapshot` reads a run, `files` the directory
of baselines. `docs/baselines.md` says what the words mean.
"""
