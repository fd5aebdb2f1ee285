"""What a name or a file means as a scenario."""

import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from types import ModuleType
from typing import Any

from battle.scenario.loader import load_scenario

FILE = """
import meeting_place

from battle import HttpConstant, MockProvider, Scenario, seconds

meeting_place.barrier.wait(30)
scenario = Scenario(
    "a", providers=[MockProvider("a")], workloads=[HttpConstant("eth_chainId", rate=1, duration=seconds(1))]
)
"""


def test_threads_load_the_same_file_at_once(tmp_path, monkeypatch):
    place: Any = ModuleType("meeting_place")
    place.barrier = Barrier(2)
    monkeypatch.setitem(sys.modules, "meeting_place", place)
    (tmp_path / "a.py").write_text(FILE)
    with ThreadPoolExecutor(2) as threads:
        loaded = list(threads.map(load_scenario, [str(tmp_path / "a.py")] * 2))
    assert [one.name for one in loaded] == ["a", "a"]
