"""A toy of each kind, each added to a copy of Battle by one file, and seen in a run from end to end."""

import pytest

from tests.extend.conftest import Contribute

pytestmark = [pytest.mark.whole, pytest.mark.thorough]

SCENARIO = """
name = "Toy"
providers = [{type = "mock", name = "a", latency = "5ms"}, {type = "mock", name = "b", latency = "9ms"}]
slo = "success_rate >= 50 %"
workloads = [
  {type = "http_constant", method = {eth_blockNumber = 1, eth_getBalance = 1}, rate = 40, duration = "6s"},
]
"""


def test_a_section_is_one_file(contribute: Contribute) -> None:
    ran = contribute("slowest_methods.py", "battle/analysis/reports/sections").run(SCENARIO)
    rows = ran.report["section_rows"]["Slowest methods"]
    assert {row["method"] for row in rows} == {"eth_blockNumber", "eth_getBalance"}
    assert all(5 <= row["slowest_ms"] < 20 for row in rows)
    titles = [line.split(" (")[0] for line in ran.markdown.splitlines() if line.startswith("## ")]
    assert titles.index("## Slowest methods") == titles.index("## Performance summary") + 1
    assert f"{rows[0]['slowest_ms']:g} ms" in ran.markdown
    page = (ran.run_dir / "report.html").read_text()
    assert "AS slowest_ms FROM requests" in page, "its question is among the sources"
