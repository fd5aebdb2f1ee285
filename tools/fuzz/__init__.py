"""Fuzzing of everything that reads a stranger's bytes: `python -m tools.fuzz TARGET SECONDS`, or `make fuzz`.

`targets` has one function for each decoder; the property tests in `tests/fuzz/` call the same functions.
"""
