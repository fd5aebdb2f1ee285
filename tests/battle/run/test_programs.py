"""Where the programs of others are found, and what they say of their version."""

import sys

import pytest

from battle import CommandGateway
from battle.run import program_version as versions
from battle.run.program_version import VersionUnknownError, program_version
from battle.run.programs import program_path


def _program(directory, name, text):
    directory.mkdir(exist_ok=True)
    path = directory / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def beside(tmp_path, monkeypatch):
    """The directory of an interpreter that is not on PATH."""
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bin" / "python"))
    return tmp_path / "bin"


def test_what_a_wheel_brought_is_found_without_path(beside):
    path = _program(beside, "gateway-of-a-wheel", "")
    assert program_path("gateway-of-a-wheel") == path


def test_what_is_on_path_comes_first(beside, tmp_path, monkeypatch):
    _program(beside, "gateway-at-both", "")
    first = _program(tmp_path / "first", "gateway-at-both", "")
    monkeypatch.setenv("PATH", str(tmp_path / "first"))
    assert program_path("gateway-at-both") == first


def test_what_is_nowhere_is_none():
    assert program_path("no-such-program") is None


def _version(*words):
    return program_version(CommandGateway(("gateway",), version_command=words))


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("echo gateway 1.2; echo more", "gateway 1.2"),
        ("echo gateway 1.2 >&2", "gateway 1.2"),
        ("echo; echo gateway 1.2", "gateway 1.2"),
    ],
    ids=["its first line", "on stderr", "not an empty one"],
)
def test_the_version_is_the_first_line_it_prints(beside, text, version):
    _program(beside, "gateway", text)
    assert _version("gateway", "--version") == version


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("echo no such option; exit 3", "fails with exit status 3: no such option"),
        ("true", "prints nothing"),
        ("exec sleep 60", "takes longer than 0.2 s"),
    ],
)
def test_a_program_that_does_not_say_its_version(beside, monkeypatch, text, why):
    monkeypatch.setattr(versions, "VERSION_SECONDS", 0.2 if "sleep" in text else versions.VERSION_SECONDS)
    _program(beside, "gateway", text)
    with pytest.raises(VersionUnknownError, match=why):
        _version("gateway")


def test_a_program_that_is_not_there_has_no_version():
    with pytest.raises(VersionUnknownError, match="cannot be started: No such file"):
        _version("no-such-program")
