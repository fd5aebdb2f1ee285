"""How sure a measurement is: intervals for quantiles, rates and changes, from one summary of a run's latencies.

Pure: numbers in, numbers out. `docs/statistics.md` says what each interval means and where it comes from.
"""
