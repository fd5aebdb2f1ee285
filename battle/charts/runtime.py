"""The Vega runtime that pages carry with them. `python -m battle.charts.runtime` makes its file anew.

vl-convert bundles vega-embed, vega-lite, vega and its interpreter without a network, but takes three seconds for it,
which no run should wait for. So the bundle is kept, compressed, as package data, and a test holds that it is what
vl-convert gives. Compressed, because nobody should meet 900 kB on one line in an editor or a search.
"""

import gzip
from functools import cache
from pathlib import Path

BUNDLE = Path(__file__).parent / "assets" / "vega.js.gz"

BANNER = """\
/*! vega, vega-lite, vega-embed, vega-tooltip, vega-interpreter: Copyright (c) University of Washington Interactive
 * Data Lab and contributors, BSD-3-Clause. d3: Copyright Mike Bostock, ISC. Bundled by vl-convert, BSD-3-Clause. */
"""


@cache
def runtime_script() -> str:
    """JavaScript that defines `vegaEmbed`. It can stand in a `script` element as it is."""
    return BANNER + gzip.decompress(BUNDLE.read_bytes()).decode()


def make_bundle() -> str:
    """The bundle as vl-convert makes it."""
    import vl_convert

    return str(vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;"))


if __name__ == "__main__":
    BUNDLE.write_bytes(gzip.compress(make_bundle().encode(), mtime=0))
