"""The directory of baselines: deterministic, small, refused when it is another's, found by what it is of."""

from pathlib import Path

import msgspec
import numpy as np
import pytest

from battle.analysis.baselines.compare import compare
from battle.analysis.baselines.files import (
    baseline_for,
    encoded,
    load,
    named,
    paths,
    save,
)
from battle.analysis.baselines.run_snapshot import fitted
from battle.analysis.baselines.snapshot import (
    SCHEMA_VERSION,
    Identity,
    Snapshot,
    default_name,
    digest,
    parts_of,
    slug,
)
from battle.analysis.statistics.summary import LatencySummary
from battle.errors import BattleError
from tests.battle.analysis.baselines.snapshots import snapshot

NAME = "made-up-live-embedded-priority"


def kept(seed: int = 1, **changes: object) -> Snapshot:
    one = snapshot(seed, requests=500)
    return msgspec.structs.replace(one, **{"name": default_name(one.identity), **changes})


def test_what_is_saved_is_what_is_loaded_byte_by_byte(tmp_path: Path) -> None:
    one = kept()
    path = save(one, tmp_path / "baselines")
    assert path == tmp_path / "baselines" / f"{NAME}.json"
    assert load(path) == one
    assert path.read_bytes() == encoded(load(path))
    assert [entry.name for entry in path.parent.iterdir()] == [path.name], "no draft is left"


def test_a_baseline_is_replaced_by_the_next_of_the_same_and_not_by_anothers(tmp_path: Path) -> None:
    save(kept(1), tmp_path)
    save(kept(2), tmp_path)
    assert load(tmp_path / f"{NAME}.json") == kept(2)
    another = kept(3, identity=Identity(scenario="Else", world="live", gateway="nginx"))
    with pytest.raises(BattleError, match="is the baseline of 'Made up' in the live world"):
        save(another, tmp_path)
    save(another, tmp_path, replace_others=True)
    assert load(tmp_path / f"{NAME}.json") == another


@pytest.mark.parametrize("name", ["", "../up", ".hidden", "a/b", "x" * 101])
def test_a_name_is_a_files_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(BattleError, match="is not a valid baseline name"):
        save(kept(name=name), tmp_path)
    assert paths(tmp_path) == []


def test_the_baseline_for_a_run_is_found_by_what_it_is_of(tmp_path: Path) -> None:
    identity = kept().identity
    with pytest.raises(BattleError, match="battle baseline save"):
        baseline_for(identity, tmp_path)
    save(kept(1, name="mine"), tmp_path)
    save(
        kept(2, name="other", identity=Identity(scenario="Made up", world="live", gateway="nginx")), tmp_path
    )
    assert baseline_for(identity, tmp_path).name == "mine"
    save(kept(3, name="yours"), tmp_path)
    with pytest.raises(BattleError, match=r"say which with --baseline \(mine, yours\)"):
        baseline_for(identity, tmp_path)
    save(kept(4), tmp_path)
    assert baseline_for(identity, tmp_path).name == NAME


def test_a_baseline_is_meant_by_its_name_or_its_file(tmp_path: Path) -> None:
    path = save(kept(), tmp_path)
    assert named(NAME, tmp_path) == named(str(path), Path("elsewhere")) == kept()
    assert named("latest", tmp_path) is None


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"{}", "is not a baseline"),
        (b"\xff", "is not a baseline"),
        (b'{"schema_version": 99}', f"has schema version 99, this Battle reads {SCHEMA_VERSION}"),
        (b'{"schema_version": 1}', "is not a baseline"),
    ],
)
def test_a_file_that_is_none_is_refused(tmp_path: Path, content: bytes, problem: str) -> None:
    (tmp_path / "bad.json").write_bytes(content)
    with pytest.raises(BattleError, match=problem):
        load(tmp_path / "bad.json")


def test_a_directory_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BattleError, match="the baseline cannot be written"):
        save(kept(), tmp_path / "file")


def test_many_workloads_and_many_requests_make_no_large_file() -> None:
    rng = np.random.default_rng(1)
    due_ns = np.sort(rng.integers(0, 600 * 10**9, 200_000))
    took_ns = 50e6 * np.exp(rng.standard_normal(len(due_ns)))
    large = LatencySummary.from_samples(due_ns, took_ns)
    fitting = fitted([large] * 4)
    assert sum(len(one.packed) for one in fitting) < 4 * len(large.packed)
    assert {one.total for one in fitting} == {200_000}, "nothing is left out"
    one = kept()
    samples = tuple(msgspec.structs.replace(one.samples[0], latencies=each) for each in fitting)
    runs = one.runs * 20
    assert len(encoded(msgspec.structs.replace(one, samples=samples, runs=runs))) < 150_000


def test_a_loaded_baseline_compares_like_the_run_it_was_made_of(tmp_path: Path) -> None:
    before, after = kept(1), snapshot(2, median_ms=70, requests=500)
    assert compare(load(save(before, tmp_path)), after) == compare(before, after)


def test_a_slug_is_a_part_of_a_file_name() -> None:
    assert slug("HTTP failover: live, http://127.0.0.1:8545/") == "http-failover-live-http-127-0-0-1-8545"
    assert slug("???") == "baseline"
    assert len(slug("x" * 500)) == 100


def test_parts_are_told_apart_and_demands_are_none_of_them() -> None:
    one = {
        "name": "a",
        "slo": {"p95": 1},
        "gateway": {},
        "tags": ["x"],
        "providers": [1],
        "chaos": {"b": 1, "a": 2},
    }
    two = {"name": "b", "slo": {"p95": 2}, "gateway": {"x": 1}, "providers": [1], "chaos": {"a": 2, "b": 1}}
    assert parts_of(one) == parts_of(two)
    assert parts_of(one).keys() == {"providers", "chaos"}
    assert parts_of({**one, "providers": [2]}) != parts_of(one)
    assert parts_of(None) == {}
    assert len(digest([])) == 16


def test_a_baseline_that_was_saved_when_groups_were_tags_is_of_the_same_providers() -> None:
    old, new = ({"providers": [{"name": "a", field: ["cheap"]}]} for field in ("tags", "groups"))
    assert parts_of(new)["providers"] == digest(old["providers"])
    assert parts_of({"providers": [{"name": "a", "groups": []}]}) != parts_of(new)
