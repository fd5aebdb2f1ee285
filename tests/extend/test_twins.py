"""A file that takes a name which is taken is refused: it would replace the other without a word."""

import pytest

from tests.extend.conftest import TOYS, Contribute

pytestmark = [pytest.mark.whole, pytest.mark.thorough]

FAULTS = "actors/spec/faults/kinds"
WORKLOADS = "actors/spec/workloads/kinds"


@pytest.mark.parametrize(
    ("toy", "folder", "was", "becomes", "refused"),
    [
        ("sleepy.py", FAULTS, "class Sleepy", "class Hang", "public name of Battle is called Hang"),
        ("sleepy.py", FAULTS, "class Sleepy", "class Scenario", "public name of Battle is called Scenario"),
        ("sleepy.py", FAULTS, 'tag="sleepy"', 'tag="hang"', "fault is called hang"),
        ("pairs.py", WORKLOADS, 'tag="http_pairs"', 'tag="http_users"', "workload is called http_users"),
        ("max_slow_requests.py", "battle/scenario/slo/metrics", "", "", "metric is called max_slow_requests"),
        (
            "slowest_methods.py",
            "battle/analysis/reports/sections",
            "",
            "",
            "section is called Slowest methods",
        ),
        (
            "requests_are_quick.py",
            "battle/analysis/verdict/checkers",
            "",
            "",
            "checker is called requests_are_quick",
        ),
    ],
)
def test_a_name_that_is_taken_is_refused(
    contribute: Contribute, toy: str, folder: str, was: str, becomes: str, refused: str
) -> None:
    copy = contribute(toy, folder)
    text = (TOYS / toy).read_text()
    assert was in text
    (copy.place / folder / "twin.py").write_text(text.replace(was, becomes) if was else text)
    if was:
        (copy.place / folder / toy).unlink()
    done = copy.battle("run", "smoke", "--world", "simulated", "--quiet")
    assert done.returncode == 2
    assert f"ValueError: more than one {refused}\n" in done.stderr
