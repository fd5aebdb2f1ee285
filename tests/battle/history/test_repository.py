"""Worktrees are gone afterwards, whatever happens while they are made or used."""

import signal

import pytest

from battle.history import repository
from battle.history.repository import CheckoutError, Repository, repository_of
from battle.store.helper_process import outcome_of
from tests.battle.history.repositories import Scratch


@pytest.fixture
def scratch(tmp_path, monkeypatch) -> Scratch:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    return Scratch(tmp_path / "repository")


def opened(scratch: Scratch) -> Repository:
    return repository_of(scratch.top, {"PATH": "/usr/local/bin:/usr/bin:/bin"})


def used(scratch: Scratch, commit: str, error: type[BaseException] | None = None) -> str:
    with opened(scratch).worktree(commit) as place:
        if error is not None:
            raise error
        return (place / "s.toml").read_text().strip()


def nothing_is_left(scratch: Scratch, tmp_path, before) -> bool:
    return scratch.state() == before and list((tmp_path / "tmp").iterdir()) == []


def test_a_worktree_has_the_files_of_its_commit(scratch, tmp_path):
    commits = scratch.line("one", "two")
    before = scratch.state()
    assert [used(scratch, commit) for commit in commits] == ["one", "two"]
    assert nothing_is_left(scratch, tmp_path, before)


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, ValueError])
def test_it_is_gone_when_its_use_fails(scratch, tmp_path, error):
    [commit] = scratch.line("one")
    before = scratch.state()
    with pytest.raises(error):
        used(scratch, commit, error)
    assert nothing_is_left(scratch, tmp_path, before)


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_it_is_gone_when_ctrl_c_comes_while_git_works(scratch, tmp_path, monkeypatch, place, moment):
    [commit] = scratch.line("one")
    opened_one = opened(scratch)
    before, calls, ended_ones = scratch.state(), [], []
    whole = outcome_of

    def interrupted(command, **named):
        calls.append(command)
        if len(calls) == place + 1 and moment == "before":
            signal.raise_signal(signal.SIGINT)
        ended = whole(command, **named)
        ended_ones.append(len(calls) - 1)
        if len(calls) == place + 1 and moment == "after":
            signal.raise_signal(signal.SIGINT)
        return ended

    monkeypatch.setattr(repository, "outcome_of", interrupted)
    with pytest.raises(KeyboardInterrupt), opened_one.worktree(commit):
        pass
    monkeypatch.undo()
    # Half a worktree could not be removed, so to add and to remove one is not interrupted; to write its files is.
    assert (place in ended_ones) == (place != 1 or moment == "after")
    assert nothing_is_left(scratch, tmp_path, before)


def test_files_that_cannot_be_written_are_why_a_commit_is_skipped(scratch, tmp_path):
    scratch.line("one")
    before = scratch.state()
    with (
        pytest.raises(CheckoutError, match="git cannot write its files: fatal: "),
        opened(scratch).worktree("0" * 40),
    ):
        pass
    assert scratch.state() == before
