"""The verdict: checkers are functions from the log to findings, and know nothing but the log.

`judge(run, slo)` is all a caller needs; `Slo` is what a scenario writes.
"""

from battle.judgement.findings import Finding, Verdict
from battle.judgement.slo import Slo, SloResult
from battle.judgement.verdict import EXIT_STATUS, Judgement, judge

__all__ = ["EXIT_STATUS", "Finding", "Judgement", "Slo", "SloResult", "Verdict", "judge"]
