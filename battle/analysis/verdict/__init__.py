"""From a log to PASS, FAIL or INCONCLUSIVE.

`registry` runs the checkers, `measures` and `windowed_measures` measure what SLOs are about, `attribution` takes out
what the test bench caused, and `verdict` decides.
"""
