"""Wherever Ctrl-C comes, what was made is known, and what is temporary is gone."""

import signal
import tempfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from battle.store.interruptions import interruptions_wait, scratch_directory


def test_a_signal_that_comes_while_something_is_being_made_comes_when_it_is_known():
    seen = []

    def start() -> None:
        with interruptions_wait():
            signal.raise_signal(signal.SIGINT)
            seen.append("known")

    with pytest.raises(KeyboardInterrupt):
        start()
    assert seen == ["known"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


KEPT: list[TemporaryDirectory[str]] = []
"""The garbage collector would remove what is left behind, some time later."""


def _interrupts_when_made(monkeypatch: pytest.MonkeyPatch) -> None:
    def mkdtemp(*args: Any) -> str:
        made = real(*args)
        signal.raise_signal(signal.SIGINT)
        return made

    real = tempfile.mkdtemp
    monkeypatch.setattr(tempfile, "mkdtemp", mkdtemp)


def _interrupts_when_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    def cleanup(self: TemporaryDirectory[str]) -> None:
        KEPT.append(self)
        signal.raise_signal(signal.SIGINT)
        real(self)

    real = TemporaryDirectory.cleanup
    monkeypatch.setattr(TemporaryDirectory, "cleanup", cleanup)


def _interrupts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    pass


@pytest.mark.parametrize("interrupts", [_interrupts_when_made, _interrupts_when_removed, _interrupts_nothing])
def test_a_scratch_directory_is_gone_whenever_it_is_interrupted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, interrupts: Any
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    interrupts(monkeypatch)

    def use() -> None:
        with scratch_directory("battle-") as scratch:
            (scratch / "some").write_text("data")
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        use()
    assert list(tmp_path.iterdir()) == []
