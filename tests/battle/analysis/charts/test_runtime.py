"""The Vega runtime that pages carry: made once, kept whole, and it asks nobody."""

import re

import pytest

from battle.analysis.charts import runtime
from battle.analysis.charts.runtime import bundle_path, runtime_script

pytestmark = pytest.mark.whole

BYTES_MAX = 1_000_000


@pytest.fixture
def cache_home(tmp_path, monkeypatch):
    """An empty cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    runtime_script.cache_clear()
    yield tmp_path / "cache"
    runtime_script.cache_clear()


@pytest.fixture
def made(monkeypatch):
    """How often a bundle was made, of one line instead of a megabyte."""
    calls = []

    def make():
        calls.append(1)
        return "made();"

    monkeypatch.setattr(runtime, "make_bundle", make)
    return calls


def test_it_is_made_once_and_kept(cache_home, made):
    first = runtime_script()
    runtime_script.cache_clear()
    assert runtime_script() == first
    assert first.endswith("made();")
    assert len(made) == 1
    assert [path.name for path in (cache_home / "battle").iterdir()] == [bundle_path().name]


def test_a_torn_file_is_made_anew(cache_home, made):
    runtime_script()
    bundle_path().write_bytes(bundle_path().read_bytes()[:-9])
    runtime_script.cache_clear()
    assert runtime_script().endswith("made();")
    assert len(made) == 2


def test_a_cache_that_cannot_be_written_makes_it_slow_not_wrong(cache_home, made):
    cache_home.write_text("not a directory")
    assert runtime_script().endswith("made();")


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
