"""Exit statuses without a verdict; `battle.analysis.verdict.verdict` has those of the verdicts."""

WRONG_USE = 2
"""A wrong command, a wrong scenario, a run that could not start."""

INTERRUPTED = 130
"""Ctrl-C or SIGTERM: what there was until then is sealed and reported."""
