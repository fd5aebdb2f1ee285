"""Files that may be anything: what is no regular file is refused, and nothing waits."""

import errno
import os
import socket
from pathlib import Path

import pytest

from battle.store.regular import open_regular, read_regular, writable_place


def test_a_file_is_read_up_to_its_limit(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"12345")
    assert read_regular(path, 5) == b"12345"
    with pytest.raises(OSError, match="larger than 4 bytes") as raised:
        read_regular(path, 4)
    assert raised.value.errno == errno.EFBIG


def test_a_link_to_a_file_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"1")
    (tmp_path / "link").symlink_to("f")
    assert read_regular(tmp_path / "link", 5) == b"1"


def test_what_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))
        for path, words in [
            (tmp_path / "fifo", "a FIFO"),
            (tmp_path, "a directory"),
            (Path("/dev/zero"), "a device"),
            (tmp_path / "socket", "No such device"),
            (tmp_path / "nowhere", "No such file"),
            (tmp_path / "null\0", "null"),
        ]:
            with pytest.raises(OSError, match=words):
                open_regular(path)


def test_a_link_to_itself(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(OSError, match="symbolic links"):
        read_regular(tmp_path / "loop", 5)


def test_a_file_is_written_where_a_link_leads_to_and_nothing_else_is_written(tmp_path: Path) -> None:
    (tmp_path / "f").touch()
    (tmp_path / "link").symlink_to("f")
    assert writable_place(tmp_path / "link") == tmp_path.resolve() / "f"
    assert writable_place(tmp_path / "new") == tmp_path / "new"
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "loop").symlink_to("loop")
    for name, words in [("fifo", "a FIFO"), ("loop", "symbolic links"), ("null\0", "null")]:
        with pytest.raises(OSError, match=words):
            writable_place(tmp_path / name)


def test_nothing_stays_open(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for path in (tmp_path, Path("/dev/zero")):
        with pytest.raises(OSError, match="not a file"):
            open_regular(path)
    assert len(os.listdir("/proc/self/fd")) == before
