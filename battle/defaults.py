"""What holds when nobody says otherwise, on the command line, in the library and in pytest."""

from pathlib import Path

DEFAULT_OUT = Path("battle_results")
"""Directory of runs: their logs and reports."""

DEFAULT_BASELINES = Path("battle_baselines")
"""Directory of baselines."""

DEFAULT_HISTORY = Path("battle_history")
"""Directory of the history: runs add themselves to it where it exists."""

DEFAULT_SEED = 1
