"""What `battle compare` left in a run's directory, for its reports."""

from pathlib import Path

import msgspec

from battle.analysis.reports.comparison import BYTES_MAX, FILE, SCHEMA_VERSION, Comparison
from battle.store import typed
from battle.store.errors import LogError
from battle.store.regular import read_regular


def read_comparison(run_dir: Path) -> Comparison | None:
    """The last comparison of a run; None: it was not compared, or by another version of Battle.

    Raises:
        LogError: the file is there and cannot be understood.
    """
    path = run_dir / FILE
    try:
        comparison = typed.decode(read_regular(path, BYTES_MAX), Comparison)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise LogError(f"{path} cannot be read ({error}): remove it, or compare again") from None
    return comparison if comparison.schema_version == SCHEMA_VERSION else None
