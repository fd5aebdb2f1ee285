"""What a scenario can say of the moving parts: frozen data with its own checks.

A fault also says itself how it comes about, and a workload with a file of its own when its requests are due; the
moving parts act on it.
"""
