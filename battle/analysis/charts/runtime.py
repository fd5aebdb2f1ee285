"""The Vega runtime that pages carry. `python -m battle.analysis.charts.runtime` makes its file ahead of time.

vl-convert bundles vega-embed, vega-lite, vega and its interpreter without a network, but takes three seconds for it,
which no run should wait for. So the bundle is made once for each version of vl-convert, when Battle is set up or when
a page first needs it, and kept in the user's cache.
"""

import gzip
import os
import sys
from functools import cache
from importlib.metadata import version
from pathlib import Path
from tempfile import NamedTemporaryFile

from battle.store.helper_process import answer_of
from battle.store.interruptions import interruptions_wait

BANNER = """\
/*! vega, vega-lite, vega-embed, vega-tooltip, vega-interpreter: Copyright (c) University of Washington Interactive
 * Data Lab and contributors, BSD-3-Clause. d3: Copyright Mike Bostock, ISC. Bundled by vl-convert, BSD-3-Clause. */
"""

# The engine keeps threads and sockets for as long as its process lives, so it gets a process of its own.
_MAKE = """\
import sys, vl_convert
sys.stdout.buffer.write(vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;").encode())
"""


@cache
def runtime_script() -> str:
    """JavaScript that defines `vegaEmbed`. It can stand in a `script` element as it is.

    Takes three seconds where nobody made it before, and always where the cache cannot be written.
    """
    path = bundle_path()
    try:
        return BANNER + gzip.decompress(path.read_bytes()).decode()
    except (OSError, EOFError):  # not there, or torn
        return BANNER + _kept(make_bundle(), path)


def bundle_path() -> Path:
    """Where the bundle of the installed vl-convert is kept: $XDG_CACHE_HOME, or .cache in the home directory."""
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(home) / "battle" / f"vega-by-vl-convert-{version('vl-convert-python')}.js.gz"


def make_bundle() -> str:
    """The bundle as vl-convert makes it. Raises subprocess.CalledProcessError when vl-convert is broken here."""
    return answer_of([sys.executable, "-c", _MAKE], check=True).decode()


def _kept(script: str, path: Path) -> str:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with interruptions_wait():
            with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as draft:
                draft.write(gzip.compress(script.encode(), mtime=0))
            Path(draft.name).replace(path)  # whole or not at all: others may be reading
    except OSError:
        pass  # a cache is a convenience: a home that cannot be written makes it slow, not wrong
    return script


if __name__ == "__main__":
    runtime_script()
