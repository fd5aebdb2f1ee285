"""What was sent already: the same event is never sent twice to the same place.

For each event and destination there is a file in `notified/` of the run's or the suite's directory. Whoever sends
holds a lock on it (`flock`, which ends with the process, however it ends) and writes into it:

    (nothing)  -> sending -> sent       it arrived
                          -> (nothing)  it surely did not arrive: may be tried again
                          -> unknown    perhaps it arrived: an answer was lost

Two processes at once: the second finds the lock, and leaves the event to the first. A process that died while it
sent leaves `sending` without a lock, which is `unknown` too. What is unknown is not sent again: of a message twice
and a message perhaps lost, the second is reported where it happens and can be sent with `--again`, while the first
would teach people to ignore messages. A comment on a pull request needs none of this: it is found by its marker.
"""

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import Literal, TypeAlias

import msgspec

from battle.errors import BattleError
from battle.notifications.event import Subject
from battle.store import typed

FOLDER = "notified"
"""In the directory of a run, or of a suite."""

State: TypeAlias = Literal["sending", "sent", "unknown"]
Obstacle: TypeAlias = Literal["sent", "unknown", "busy"]
"""Why an event is not sent now: it was sent, perhaps it was, or another process is sending it."""


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """What is in a file: which event went where. The destination is not named: it may be a secret."""

    channel: str
    event: str
    event_id: str
    state: State


def path_of(directory: Path, channel: str, destination: str, subject: Subject) -> Path:
    """The file for one event of one subject and one destination."""
    digest = blake2b(f"{channel}\n{destination}".encode(), digest_size=6, person=b"battle notify").hexdigest()
    return directory / FOLDER / f"{channel}-{digest}-{subject.event_id}.json"


class Claim:
    """The right to send one event, held until it is closed."""

    def __init__(self, fd: int, record: Record) -> None:
        self._fd, self._record = fd, record

    def write(self, state: State | None) -> None:
        """Note how far it is; None: as if it had never been tried."""
        data = (
            b"" if state is None else msgspec.json.encode(msgspec.structs.replace(self._record, state=state))
        )
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, data, 0)
        os.fsync(self._fd)

    def close(self) -> None:
        """Let go of it."""
        os.close(self._fd)


def obstacle(path: Path) -> Obstacle | None:
    """Why the event of this file would not be sent now. For a dry run: it takes no lock, so it is in nobody's way."""
    try:
        return _state_in(path.read_bytes())
    except OSError:
        return None


def claimed(path: Path, channel: str, subject: Subject, *, again: bool = False) -> Claim | Obstacle:
    """The claim of one event, or why there is none. `again`: also of one that was sent, or perhaps sent.

    Raises:
        BattleError: the directory cannot be written. Nothing is sent that cannot be noted.
    """
    try:
        path.parent.mkdir(exist_ok=True)
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
    except OSError as error:
        raise BattleError(
            f"{path.parent} cannot be written, so nothing is sent: whether it was sent could not be noted: "
            f"{error.strerror}"
        ) from None
    found = _obstacle(fd)
    if found == "busy" or (found is not None and not again):
        os.close(fd)
        return found
    record = Record(channel=channel, event=subject.event, event_id=subject.event_id, state="sending")
    return Claim(fd, record)


def _obstacle(fd: int) -> Obstacle | None:
    """Why not to send; the lock is held afterwards unless another process has it."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return "busy"
    return _state_in(os.pread(fd, 65_536, 0))


def _state_in(data: bytes) -> Obstacle | None:
    if not data.strip():
        return None
    try:
        return "sent" if typed.decode(data, Record).state == "sent" else "unknown"
    except msgspec.DecodeError:
        return "unknown"  # torn while it was written


@contextmanager
def claims(
    wanted: Sequence[tuple[Path, Subject]], channel: str, *, again: bool = False
) -> Iterator[tuple[list[tuple[Subject, Claim]], list[tuple[Subject, Obstacle]]]]:
    """The claims of several events, closed at the end, and those that cannot be sent, each with the reason."""
    free: list[tuple[Subject, Claim]] = []
    barred: list[tuple[Subject, Obstacle]] = []
    with ExitStack() as stack:
        for path, subject in wanted:
            claim = claimed(path, channel, subject, again=again)
            if isinstance(claim, Claim):
                stack.callback(claim.close)
                free.append((subject, claim))
            else:
                barred.append((subject, claim))
        yield free, barred
