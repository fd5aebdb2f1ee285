"""Types are built by one thread at a time."""

import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from battle.store import typed

ROOT = Path(__file__).parents[2]

MEETING = """
import sys
import threading

import msgspec

from battle.store import typed

sys.setswitchinterval(1e-6)
THREADS = 8


def converted_by_all(shapes):
    meeting = threading.Barrier(THREADS)

    def convert():
        meeting.wait()
        for shape in shapes:
            assert typed.convert({"parts": [{"name": "a"}]}, shape).parts[0].name == "a"
            assert typed.decode(b'{"parts": []}', shape).parts == []

    threads = [threading.Thread(target=convert) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


for round in range(50):
    part = msgspec.defstruct("Part", [("name", str), *((f"more_{n}", int, 0) for n in range(20))])
    converted_by_all([msgspec.defstruct(f"Whole{n}", [("parts", list[part])]) for n in range(4)])
"""


def test_threads_that_meet_at_a_new_type_all_get_it_whole():
    ended = subprocess.run(
        [sys.executable, "-c", MEETING], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stderr) == (0, "")


def test_nobody_else_lets_msgspec_build_a_type():
    building = re.compile(r"msgspec\.(convert|json\.(decode|Decoder)|msgpack|yaml|toml)\b")
    sources = [path for package in ("actors", "battle", "store") for path in (ROOT / package).rglob("*.py")]
    found = {path.relative_to(ROOT).as_posix() for path in sources if building.search(path.read_text())}
    assert found == {"store/typed.py"}


def test_what_is_not_of_the_type_is_refused():
    with pytest.raises(msgspec.ValidationError):
        typed.convert({"a": "x"}, dict[str, int])
    with pytest.raises(msgspec.DecodeError):
        typed.decode(b"{", dict[str, int])
    assert typed.decode(b'{"a": [1]}') == {"a": [1]}
