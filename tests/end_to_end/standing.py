"""Providers that stand (`battle up`) and gateways before them, for tests that ask questions of their own."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from urllib import error, request

from battle.actors.world.live.loopback import check_loopback
from battle.run.programs import program_path

PATIENCE_SECONDS = 30.0
"""For what happens of itself in a second or two, on a machine that has other work."""


class Standing:
    """Providers that stand: their URLs by name, and faults by hand."""

    def __init__(self, program: "subprocess.Popen[str]") -> None:
        assert program.stdin is not None
        assert program.stdout is not None
        assert program.stderr is not None
        self._typing, self._said = program.stdin, program.stderr
        said = program.stdout.readline()
        assert said, program.stderr.read()
        self.urls = {name: at["http"] for name, at in json.loads(said)["providers"].items()}
        self._said.readline()  # that faults can be typed

    def type_in(self, line: str, *, lines: int = 1) -> list[str]:
        """Type a line, and return the lines that are said to it."""
        self._typing.write(f"{line}\n")
        self._typing.flush()
        return [self._said.readline().rstrip("\n") for _ in range(lines)]


@contextmanager
def standing(directory: Path, scenario: str) -> Iterator[Standing]:
    """The providers of a scenario in TOML, until the end."""
    check_loopback()
    (directory / "standing.toml").write_text(scenario)
    place = str(directory)
    command = [sys.executable, "-m", "battle", "up", f"{place}/standing.toml", "--json", "--out", place]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as program:
        try:
            yield Standing(program)
        finally:
            program.send_signal(signal.SIGINT)
            program.communicate()


@contextmanager
def program(
    directory: Path,
    command: Sequence[str | Path],
    ports: Sequence[int],
    more: Mapping[str, str] | None = None,
) -> Iterator[None]:
    """A gateway program that listens at these ports, until the end. `more` is its environment beside the usual."""
    path = program_path(str(command[0]))
    assert path is not None, command[0]
    output = directory / "output.txt"
    environment = {**os.environ, "HOME": str(directory), **(more or {})}
    with (
        output.open("wb") as file,
        subprocess.Popen(
            [path, *map(str, command[1:])],
            stdout=file,
            stderr=file,
            env=environment,
            cwd=directory,
            start_new_session=True,
        ) as running,
    ):
        try:
            for port in ports:
                until(partial(_is_up, running, port), f"port {port} is open")
            assert running.poll() is None, output.read_text()
            yield
        finally:
            os.killpg(running.pid, signal.SIGTERM)


def _is_up(running: "subprocess.Popen[bytes]", port: int) -> bool:
    """Whether a program listens there, or has ended and never will."""
    if running.poll() is not None:
        return True
    try:
        get(f"http://127.0.0.1:{port}/")
    except OSError:
        return False
    return True


def free_ports(count: int) -> list[int]:
    """Ports that nobody uses, as the kernel picks them."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [one.getsockname()[1] for one in sockets]


def until(holds: Callable[[], bool], what: str) -> None:
    """Wait for what happens of itself."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, f"not in {PATIENCE_SECONDS:g} s: {what}"
        time.sleep(0.05)


def get(url: str) -> int:
    """The status that a GET has. Raises OSError where nobody answers."""
    try:
        with request.urlopen(url, timeout=10) as answer:
            return int(answer.status)
    except error.HTTPError as refusal:
        return refusal.code


def call(url: str, method: str) -> object:
    """The result of a JSON-RPC call without parameters. Raises OSError where nobody answers it with 200."""
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": []}).encode()
    asked = request.Request(url, body, {"content-type": "application/json"})
    with request.urlopen(asked, timeout=10) as answer:
        return json.load(answer)["result"]
