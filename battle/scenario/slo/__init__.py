"""What an SLO is: its target, the part of a run it is about, its form as text or SQL, and tolerated staleness.

Data and rules only; `battle.analysis.verdict` measures and compares.
"""
