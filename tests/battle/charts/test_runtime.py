"""The Vega runtime that pages carry: it is what vl-convert makes, and asks nobody."""

import gzip
import re
import subprocess
import sys

from battle.charts.runtime import BUNDLE, runtime_script

BYTES_MAX = 1_000_000


def test_the_bundle_is_what_vl_convert_makes():
    # In a process of its own: the engine keeps threads and sockets for as long as its process lives.
    code = "import sys; from battle.charts.runtime import make_bundle; sys.stdout.write(make_bundle())"
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
    kept = gzip.decompress(BUNDLE.read_bytes())
    assert kept == made, "vl-convert changed: run `python -m battle.charts.runtime`"


def test_it_can_stand_in_a_page_and_loads_nothing_from_elsewhere():
    script = runtime_script()
    assert len(script.encode()) < BYTES_MAX
    assert not re.search(r"</script|<!--", script, re.IGNORECASE)
    hosts = {url.split("/")[2] for url in re.findall(r"https?://[\w./-]+", script)}
    assert hosts <= {
        "www.w3.org",
        "vega.github.io",
        "github.com",
    }  # names of formats, and a link that is not shown
    assert "cdn" not in script.lower()
    assert script.startswith("/*! vega")
