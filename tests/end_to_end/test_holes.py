"""A run whose log has a hole, wherever it is, is never taken for a whole one: every segment and block is tried."""

import itertools
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from battle import seconds
from battle.actors.spec.workloads import HttpConstant
from battle.analysis.findings import Finding
from battle.analysis.log import Log
from battle.analysis.reports.files import read_run
from battle.analysis.verdict.checkers.completeness import log_is_whole
from battle.run import record as run_module
from battle.run.record import record_scenario
from battle.scenario.slo.slo import Slo, SloSet
from battle.store.database import open_run
from battle.store.seal import seal
from tests.asking import asked
from tests.end_to_end.battles import failover


@pytest.fixture(scope="module")
def unsealed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with nodes that a fault killed, and two shards of load."""
    scenario = failover(
        workloads=[HttpConstant("eth_blockNumber", rate=200, duration=seconds(8), shards=2)],
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_module, "seal", lambda run_dir: None)
        run_dir = record_scenario(scenario, world="simulated", out=tmp_path_factory.mktemp("out")).run_dir
    assert judged(run_dir).verdict == "PASS"
    assert {path.stem for path in segments(run_dir)} >= {"a.1", "a.2", "b.1", "gateway.1", "coordinator.1"}
    return run_dir


def segments(run_dir: Path) -> list[Path]:
    return sorted((run_dir / "events").glob("*.ndjson"))


def judged(run_dir: Path) -> Finding:
    with open_run(run_dir) as run:
        return log_is_whole(Log(run), SloSet(run=Slo()))


def blocks_of(path: Path) -> list[bytes]:
    blocks, lines = [], []
    for line in path.read_bytes().splitlines(keepends=True):
        lines.append(line)
        if line.startswith(b'{"type":"block_flushed"'):
            blocks.append(b"".join(lines))
            lines = []
    assert not lines
    return blocks


def harms_of_blocks(blocks: list[bytes]) -> Iterator[list[bytes]]:
    """Each block cut out, repeated, swapped with its neighbour, and the end cut off behind each."""
    for at in range(len(blocks)):
        yield blocks[:at] + blocks[at + 1 :]
        yield blocks[: at + 1] + blocks[at:]
        yield blocks[:at]
    for at in range(len(blocks) - 1):
        yield [*blocks[:at], blocks[at + 1], blocks[at], *blocks[at + 2 :]]


@pytest.mark.slow
def test_every_block_of_every_segment(unsealed: Path, tmp_path: Path) -> None:
    tried = 0
    for path in segments(unsealed):
        whole = path.read_bytes()
        harms = list(harms_of_blocks(blocks_of(path)))
        # About ten of a segment, spread over it: each is a log that is opened and judged.
        for blocks in itertools.islice(harms, None, None, max(1, len(harms) // 10)):
            path.write_bytes(b"".join(blocks))
            finding = judged(unsealed)
            assert (finding.verdict, path.stem in finding.summary) == ("INCONCLUSIVE", True), finding.summary
            tried += 1
        path.write_bytes(whole)
    assert tried > 50
    assert judged(unsealed).verdict == "PASS"


def copied(path: Path) -> None:
    shutil.copy(path, path.with_name(f"{path.stem.rpartition('.')[0]}.9.ndjson"))


def under_another_name(path: Path) -> None:
    shutil.copy(path, path.with_name("elsewhere.1.ndjson"))


def over_another(path: Path) -> None:
    other = next(one for one in segments(path.parent.parent) if one != path)
    shutil.copy(path, other)


def renamed(path: Path) -> None:
    path.rename(path.with_name("elsewhere.1.ndjson"))


def emptied(path: Path) -> None:
    path.write_bytes(b"")


HARMS: list[Callable[[Path], None]] = [
    Path.unlink,
    emptied,
    copied,
    under_another_name,
    over_another,
    renamed,
]


def test_requests_that_are_missing_are_no_storm_of_retries(tmp_path: Path) -> None:
    """All but three of the requests are in a block that is damaged, and all attempts are there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_module, "seal", lambda run_dir: None)
        run_dir = record_scenario("smoke", world="simulated", out=tmp_path).run_dir
    path = run_dir / "events" / "load-main.0.1.ndjson"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 16
    path.write_bytes(content)
    report = read_run(run_dir).report
    assert report.verdict == "INCONCLUSIVE", report.reasons
    assert any("the log of load-main.0.1 is incomplete" in reason for reason in report.reasons)


@pytest.mark.parametrize("harm", HARMS, ids=lambda harm: harm.__name__)
def test_every_segment_before_sealing(unsealed: Path, tmp_path: Path, harm: Callable[[Path], None]) -> None:
    for number, path in enumerate(segments(unsealed)):
        run_dir = tmp_path / str(number)
        shutil.copytree(unsealed, run_dir)
        harm(run_dir / "events" / path.name)
        seal(run_dir)
        finding = judged(run_dir)
        assert finding.verdict == "INCONCLUSIVE", (path.name, finding.summary)


def test_a_whole_workload(unsealed: Path, tmp_path: Path) -> None:
    run_dir = tmp_path / "run"
    shutil.copytree(unsealed, run_dir)
    shards = [path for path in segments(run_dir) if path.stem.startswith("load-")]
    assert len(shards) == 2
    for path in shards:
        path.unlink()
    finding = judged(run_dir)
    assert finding.verdict == "INCONCLUSIVE"
    assert all(path.stem in finding.summary for path in shards)


def test_every_incarnation_that_was_ready_has_begun_its_segment(unsealed: Path) -> None:
    """So whoever died before it was ready may have none, and nobody else."""
    assert all(path.stat().st_size > 0 for path in segments(unsealed))
    with open_run(unsealed) as run:
        told = asked(
            run,
            "SELECT count(*) FROM actor_lifecycle "
            "WHERE actor = node AND change = 'started' AND segment_bytes IS NULL",
        )
    assert told.rows == [(0,)]
