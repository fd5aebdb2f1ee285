"""Opens files that a user named, or that lie in a run's directory: they may be anything, and must not block.

Opening a FIFO waits for somebody to write to it, a device may never end, and a file of 50 GB fits no memory.
"""

import errno
import os
import stat
from io import BufferedReader
from pathlib import Path

_KINDS = {
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFDIR: "a directory",
}


def odd_kind(mode: int) -> str | None:
    """What something is that is no regular file, by its `st_mode`, such as "a FIFO"; None: it is one."""
    kind = stat.S_IFMT(mode)
    return None if kind == stat.S_IFREG else _KINDS.get(kind, "something else")


def open_regular(path: Path) -> BufferedReader:
    """Open a regular file for reading, without ever waiting for it.

    Raises:
        OSError: there is none, it may not be read, or it is something else; `strerror` says which.
    """
    try:
        # A FIFO, without somebody at its other end, would keep a blocking open for ever.
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except ValueError as error:
        raise OSError(errno.EINVAL, str(error), str(path)) from None  # a null character, a lone surrogate
    try:
        _require_regular(os.fstat(fd).st_mode, path)
    except OSError:
        os.close(fd)
        raise
    return os.fdopen(fd, "rb")


def _require_regular(mode: int, path: Path) -> None:
    if (kind := odd_kind(mode)) is not None:
        number = errno.EISDIR if stat.S_ISDIR(mode) else errno.EINVAL
        raise OSError(number, f"it is {kind}, not a file", str(path))


def writable_place(path: Path) -> Path:
    """Where a file that a user named is to be written: there, or where a link leads to.

    Raises:
        OSError: something else than a regular file is there: writing to a FIFO would wait for a reader.
    """
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return path
    except ValueError as error:
        raise OSError(errno.EINVAL, str(error), str(path)) from None
    _require_regular(mode, path)
    return path.resolve()


def read_regular(path: Path, limit_bytes: int) -> bytes:
    """The content of a regular file of at most `limit_bytes`.

    Raises:
        OSError: as `open_regular`, or the file is larger.
    """
    with open_regular(path) as file:
        content = file.read(limit_bytes + 1)
    if len(content) > limit_bytes:
        raise OSError(errno.EFBIG, f"it is larger than {limit_bytes:,} bytes", str(path))
    return content
