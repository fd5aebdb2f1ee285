"""From a log to PASS, FAIL or INCONCLUSIVE.

`registry` runs the checkers, a file each in `checkers/`. `measures` (with `metrics/` and `requests`) measures what
SLOs are about in a part of the run, `parts` finds it, `attribution` takes out what the test bench caused, and
`verdict` decides.
"""
