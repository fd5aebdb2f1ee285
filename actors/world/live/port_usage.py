"""What a server on this machine uses that is none of ours, found by the port on which it listens."""

import ipaddress
import os
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil

from battle.actors.addresses import Address
from battle.actors.world.interfaces import Usage
from battle.actors.world.live.usage import UsageMeter

_TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
_LISTEN = "0A"

LOOK_AGAIN_AFTER = 10
"""A server that was not found is looked for again after so many readings: all of /proc is read for it."""


class PortUsage:
    """Reads the process that listens at `address`, and all below it.

    Of a server whose workers listen too it is the one above them. Nothing is read of a server on another machine, or
    of a process that this user may not look into: then nobody knows what it uses.
    """

    def __init__(self, address: Address) -> None:
        host, _, port = address.rpartition(":")
        self._port = int(port)
        self._is_here = _is_of_this_machine(host.strip("[]"))
        self._meter: UsageMeter | None = None
        self._pid = 0
        self._rest = 0

    def read(self) -> Usage | None:
        """What it uses now; None when that cannot be seen."""
        if not self._is_here:
            return None
        try:
            meter = self._found()
            usage = None if meter is None else meter.read()
        except (psutil.AccessDenied, psutil.NoSuchProcess, OSError):  # another user's; it has just ended
            self._meter, usage = None, None
        return usage if usage is not None and usage.open_fds else None

    def _found(self) -> UsageMeter | None:
        if self._meter is not None and psutil.pid_exists(self._pid):
            return self._meter
        self._meter = None
        if self._rest:
            self._rest -= 1
            return None
        pid = _first(_listening(self._port))
        if pid is None:
            self._rest = LOOK_AGAIN_AFTER
        else:
            self._pid, self._meter = pid, UsageMeter(pid, with_root=True)
        return self._meter


def _listening(port: int) -> set[int]:
    """The processes that listen there, as far as they can be seen; of a shared socket psutil names but one."""
    sockets = {f"socket:[{inode}]" for table in _TABLES if table.exists() for inode in _inodes(table, port)}
    return {
        int(pid) for pid in os.listdir("/proc") if pid.isdigit() and sockets and sockets & _open_files(pid)
    }


def _inodes(table: Path, port: int) -> Iterator[str]:
    """The listening sockets of a port in one of the kernel's tables."""
    for line in table.read_text().splitlines()[1:]:
        words = line.split()
        if words[3] == _LISTEN and int(words[1].rpartition(":")[2], 16) == port:
            yield words[9]


def _open_files(pid: str) -> set[str]:
    """What a process has open; nothing of one that ends meanwhile, or is another user's."""
    found = set()
    with suppress(OSError):
        for fd in os.listdir(f"/proc/{pid}/fd"):
            with suppress(OSError):
                found.add(os.readlink(f"/proc/{pid}/fd/{fd}"))
    return found


def _first(pids: set[int]) -> int | None:
    """Of these processes one that is below none of the others."""
    for pid in sorted(pids):
        if not any(parent.pid in pids for parent in psutil.Process(pid).parents()):
            return pid
    return None


def _is_of_this_machine(host: str) -> bool:
    """Whether it is one of this machine's addresses or names; no name server is asked."""
    if host in ("localhost", socket.gethostname()):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    own = {one.address for found in psutil.net_if_addrs().values() for one in found}
    return address.is_loopback or host in own
