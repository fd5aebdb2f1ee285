"""`battle charts`, as a user types it: text on the terminal, pictures in files."""

import subprocess
import sys

import pytest

from battle.analysis.charts.collect import EVERY_KIND
from battle.cli.charts import charts_command
from battle.errors import BattleError
from tests.battle.analysis.charts.samples import eventful_run

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory):
    return eventful_run(tmp_path_factory.mktemp("eventful") / "run", HOSTILE)


def battle_charts(run_dir, *options):
    # In a process of its own: the engine that draws keeps threads and sockets for as long as its process lives.
    command = [sys.executable, "-m", "battle", "charts", str(run_dir), *options]
    return subprocess.run(command, capture_output=True, text=True, check=True)


def test_text_is_printed(run_dir):
    text = battle_charts(run_dir).stdout
    assert "Latency over time\n\n" in text
    assert "virtual" not in text
    assert "█" in text
    assert all(len(line) < 100 for line in text.splitlines())


def test_ascii_is_ascii_and_can_go_to_files(run_dir, tmp_path):
    assert battle_charts(run_dir, "--format", "ascii").stdout.isascii()
    paths = battle_charts(run_dir, "--format", "ascii", "--to", str(tmp_path)).stdout.splitlines()
    assert sorted(paths) == sorted(str(tmp_path / f"{kind}.txt") for kind in EVERY_KIND)
    assert (tmp_path / "breaker_lanes.txt").read_text().isascii()


def test_every_chart_becomes_an_svg_in_which_names_are_text(run_dir, tmp_path):
    battle_charts(run_dir, "--format", "svg", "--to", str(tmp_path))
    images = {path.stem: path.read_text() for path in tmp_path.iterdir()}
    assert sorted(images) == sorted(EVERY_KIND)
    for image in images.values():
        assert image.startswith("<svg")
        assert "<script" not in image
        assert "var(" not in image
        assert 'href="http' not in image
    assert "&lt;script&gt;" in images["breaker_lanes"]
    assert "Latency over time" in images["latency_over_time"]


def test_png_goes_into_the_run_when_nothing_else_is_said(run_dir):
    paths = battle_charts(run_dir, "--format", "png").stdout.splitlines()
    assert len(paths) == len(EVERY_KIND)
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in (run_dir / "charts").iterdir())


@pytest.mark.parametrize("form", ["ascii", "svg"])
def test_a_place_that_cannot_be_written_is_told_in_a_sentence(run_dir, tmp_path, form):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(
        BattleError, match=r"the charts cannot be written below .*: File exists; give another"
    ):
        charts_command(str(run_dir), form, tmp_path / "file", tmp_path)


def test_what_is_not_drawn_is_told(tmp_path):
    from tests.battle.histories import phases, write_run

    empty = write_run(tmp_path / "run", {"coordinator": phases()})
    assert "Omitted: Latencies: no request succeeded.\n" in battle_charts(empty).stdout
