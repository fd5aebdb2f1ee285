"""A toy of each kind, each added to a copy of Battle by one file, and seen in a run from end to end."""

import pytest

from tests.extend.conftest import Contribute

pytestmark = [pytest.mark.whole, pytest.mark.slow]

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


SLOS = """
slo = [
  "success_rate >= 50 %",
  "max_slow_requests <= 500",
  "max_slow_requests <= 0 before faults",
  {max_slow_requests = 1, when = "during"},
]
workload_slos = {reads = {max_slow_requests = 300}}
chaos = [{type = "latency", target = "a", at = "2s", duration = "2s", delay = "20ms"}]
gateway = {type = "embedded", strategy = "priority"}
"""


def test_a_metric_is_one_file(contribute: Contribute) -> None:
    """Of 240 requests those of the two seconds of the fault are slow, which the SLOs on other parts do not see."""
    copy = contribute("max_slow_requests.py", "battle/scenario/slo/metrics")
    text = SCENARIO.replace('slo = "success_rate >= 50 %"\n', SLOS).replace(
        '{type = "http_constant",', '{name = "reads", type = "http_constant",'
    )
    ran = copy.run(text)
    found = {
        (one["name"], one["scope"]["when"], one["scope"].get("workload")): (one["status"], one["measured"])
        for one in ran.report["slos"]
        if one["name"] == "max_slow_requests"
    }
    slow = 80
    assert found == {
        ("max_slow_requests", "run", None): ("met", slow),
        ("max_slow_requests", "before", None): ("met", 0),
        ("max_slow_requests", "during", None): ("missed", slow),
    }
    (of_workload,) = ran.report["workload_slos"]
    assert [one["status"] for one in of_workload["slos"]] == ["met"]
    assert ran.report["verdict"] == "FAIL"
    assert f"max_slow_requests during faults was missed: {slow:g} (target ≤ 1; of " in ran.markdown
    refused = copy.battle("check", "toy.toml")
    assert refused.returncode == 0
    (copy.place / "toy.toml").write_text(text.replace("before faults", "of method eth_blockNumber"))
    refused = copy.battle("check", "toy.toml")
    assert "max_slow_requests cannot be measured for one method" in refused.stdout


NAPS = """
gateway = {type = "embedded", strategy = "priority"}
chaos = [
  {type = "sleepy", target = "a", at = "1s", duration = "2s", nap = "30ms"},
  {type = "every", period = "1s", times = 1, fault = {type = "sleepy", target = "a", at = "4s", duration = "500ms"}},
]
"""


def test_a_fault_is_one_file(contribute: Contribute) -> None:
    copy = contribute("sleepy.py", "actors/spec/faults/kinds")
    copy.python("from tools.docs import fault_rules as made; made.PATH.write_text(made.fault_rules())")
    ran = copy.run(SCENARIO + NAPS)
    assert ran.report["verdict"] == "PASS", ran.report["reasons"]
    first, second = ran.report["faults"]
    assert (first["kind"], first["evidence"], first["effect_observed"]) == (
        "sleepy",
        ["tagged_attempts"],
        True,
    )
    assert 25 <= first["tagged_attempts"] <= 55, "every other of 80 requests"
    assert second["effect_observed"]
    assert f"{first['tagged_attempts']} attempts affected" in ran.markdown
    (slept,) = ran.sql(
        "SELECT min(replied_ns - received_ns) AS ns FROM attempts WHERE fault_id = 'sleepy-a.1'"
    )
    assert slept["ns"] >= 30_000_000
    copy.python(
        "from tools.docs.faults import faults_page; page = faults_page()\n"
        "assert '### Sleepy' in page and 'takes a nap before every other answer' in page"
    )
    copy.python("import battle; assert battle.Sleepy('a').nap == battle.ms(50)")
    (copy.place / "toy.toml").write_text(SCENARIO + NAPS.replace('"30ms"', '"10us"'))
    assert "sleepy: nap of 10 us is too short to be observed" in copy.battle("check", "toy.toml").stdout


HICCUPS = """
chaos = [
  {type = "hiccup", target = "a", at = "1s", duration = "2s", period = "400ms", moment = "100ms"},
  {type = "kill", target = "a", at = "1550ms", down = "700ms"},
  {type = "hiccup", target = "a", at = "4s", duration = "1300ms"},
]

[gateway]
type = "embedded"
strategy = "priority"
retry = {attempt_timeout = "60ms"}
breaker = {failure_threshold = 1000}
"""


def test_a_fault_of_processes_is_one_file(contribute: Contribute) -> None:
    """The first one finds its process gone for a while, and goes on when it is back, until its own end."""
    copy = contribute("hiccup.py", "actors/spec/faults/kinds")
    copy.python("from tools.docs import fault_rules as made; made.PATH.write_text(made.fault_rules())")
    ran = copy.run(SCENARIO + HICCUPS)
    assert ran.report["verdict"] == "PASS", ran.report["reasons"]
    shown = ran.sql(
        "SELECT list_contains(evidence, 'paused') AS paused, failed_attempts, effect_observed AS observed "
        "FROM fault_windows WHERE kind = 'hiccup' ORDER BY started_ns"
    )
    assert [(row["paused"], row["observed"]) for row in shown] == [(True, True)] * 2
    assert shown[1]["failed_attempts"] >= 3
    acted = ran.sql(
        "SELECT fault_id, action, round((at_ns - min(at_ns) OVER ()) / 1e6)::INTEGER AS at_ms FROM fault_actions "
        "ORDER BY at_ns"
    )
    moments = [(row["fault_id"][-1], row["action"], row["at_ms"]) for row in acted]
    assert moments == [
        ("1", "paused", 0),
        ("1", "resumed", 100),
        ("1", "paused", 400),
        ("1", "resumed", 500),
        ("1", "paused", 1600),
        ("1", "resumed", 1700),
        ("2", "paused", 3000),
        ("2", "resumed", 3100),
        ("2", "paused", 3500),
        ("2", "resumed", 3600),
        ("2", "paused", 4000),
        ("2", "resumed", 4100),
    ]
    assert "hiccup-a.2" in ran.markdown
    copy.python(
        "from tools.docs.faults import faults_page; page = faults_page()\n"
        "assert '### Hiccup' in page and 'stands still for a moment' in page"
    )
    copy.python("import battle; assert battle.Hiccup('a').moment == battle.ms(100)")
    (copy.place / "toy.toml").write_text(SCENARIO + HICCUPS.replace('"100ms"', '"1s"'))
    assert "moment must be above 0 and below the period, not 1 s" in copy.battle("check", "toy.toml").stdout


LOSSES = """
gateway = {type = "embedded", strategy = "priority"}
chaos = [
  {type = "lost_packets", target = "a", at = "1s", duration = "2s", ratio = 0.5, resent_after = "50ms"},
  {type = "lost_packets", target = "b", at = "1s", duration = "2s", ratio = 0.5},
]
"""


def test_a_fault_of_connections_is_one_file(contribute: Contribute) -> None:
    """Of 80 answers each other one is late, but for those that were behind a late one; none is lost or wrong."""
    copy = contribute("lost_packets.py", "actors/spec/faults/kinds")
    copy.python("from tools.docs import fault_rules as made; made.PATH.write_text(made.fault_rules())")
    ran = copy.run(SCENARIO + LOSSES)
    assert ran.report["verdict"] == "INCONCLUSIVE"
    assert ran.report["reasons"] == [
        "lost_packets-b.1 had no effect: no connection to b was affected "
        "(b got no request in the whole run: the gateway never used it)"
    ]
    (counts,) = ran.sql(
        "WITH felt AS (SELECT outcome, answer, requests.ended_ns - scheduled_ns AS took_ns FROM requests "
        "JOIN fault_windows ON scheduled_ns BETWEEN started_ns AND fault_windows.ended_ns WHERE target = 'a') "
        "SELECT count(*) FILTER (took_ns >= 55000000) AS late, count(*) FILTER (took_ns < 55000000) AS quick, "
        "count(*) FILTER (outcome <> 'ok' OR answer <> 'right') AS spoilt FROM felt"
    )
    assert counts["spoilt"] == 0
    assert 25 <= counts["late"] <= 60
    assert counts["quick"] >= 15
    acted = ran.sql("SELECT DISTINCT fault_id, node, action FROM fault_actions")
    assert acted == [{"fault_id": "lost_packets-a.1", "node": "a", "action": "delayed"}]
    copy.python(
        "from tools.docs.faults import faults_page; page = faults_page()\n"
        "assert '### LostPackets' in page and 'as when a packet was lost' in page"
    )
    copy.python("import battle; assert battle.LostPackets('a').ratio == 0.1")
    (copy.place / "toy.toml").write_text(SCENARIO + LOSSES.replace('"50ms"', '"10us"'))
    assert "resent_after of 10 us is too short to be observed" in copy.battle("check", "toy.toml").stdout


SKIPPED = """
gateway = {type = "embedded", strategy = "priority"}
chain = {block_time = "250ms"}
chaos = [{type = "skipped_heads", target = "a", at = "2s", duration = "3s"}]

[[workloads]]
type = "ws_subscribe"
connections = 2
duration = "6s"
"""


def test_a_fault_of_subscriptions_is_one_file(contribute: Contribute) -> None:
    """In the three seconds of the fault a publishes each head whose number is no multiple of three."""
    copy = contribute("skipped_heads.py", "actors/spec/faults/kinds")
    copy.python("from tools.docs import fault_rules as made; made.PATH.write_text(made.fault_rules())")
    head, _, _ = SCENARIO.partition("workloads = [")
    scenario = head.replace("success_rate >= 50 %", "max_duplicate_heads <= 0") + SKIPPED
    ran = copy.run(scenario)
    (fault,) = ran.report["faults"]
    assert (fault["kind"], fault["evidence"], fault["effect_observed"]) == ("skipped_heads", ["acted"], True)
    published = ran.sql(
        "SELECT DISTINCT number, at_ns BETWEEN started_ns AND fault_windows.ended_ns AS during "
        "FROM heads CROSS JOIN fault_windows WHERE provider = 'a' ORDER BY number"
    )
    during = [row["number"] for row in published if row["during"]]
    others = [row["number"] for row in published if not row["during"]]
    assert during == [number for number in range(during[0], during[-1] + 1) if number % 3]
    assert any(number % 3 == 0 for number in others)
    assert len(during) >= 7
    copy.python(
        "from tools.docs.faults import faults_page; page = faults_page()\n"
        "assert '### SkippedHeads' in page and 'in so many is never published' in page"
    )
    copy.python("import battle; assert battle.SkippedHeads('a').one_in == 3")
    http = "workloads = [{type = 'http_constant', method = 'eth_blockNumber', rate = 9, duration = '6s'}]"
    (copy.place / "toy.toml").write_text(scenario.partition("[[workloads]]")[0] + http)
    assert "skipped_heads: nothing subscribes" in copy.battle("check", "toy.toml").stdout


PAIRS = """
name = "Toy"
providers = [{type = "mock", name = "a", latency = "5ms"}, {type = "mock", name = "b", latency = "9ms"}]
slo = "success_rate >= 50 %"
workload_slos = {even = {success_rate = 0.9}}

[[workloads]]
type = "http_pairs"
name = "even"
method = "eth_blockNumber"
period = "500ms"
duration = "6s"

[[workloads]]
type = "http_pairs"
name = "loose"
method = "eth_getBalance"
period = "500ms"
jitter = "200ms"
duration = "6s"
shards = 2
"""
PERIOD_NS = 500_000_000


def test_a_kind_of_workload_is_one_file(contribute: Contribute) -> None:
    """Of two shards each sends one request of each pair, and both are due at once: they agree on what is random."""
    copy = contribute("pairs.py", "actors/spec/workloads/kinds")
    ran = copy.run(PAIRS)
    assert ran.report["verdict"] == "PASS", ran.report["reasons"]
    rows = ran.sql(
        "SELECT workload, segment, scheduled_ns - min(scheduled_ns) OVER () AS due_ns FROM requests "
        "ORDER BY workload, due_ns, segment"
    )
    even = [row["due_ns"] for row in rows if row["workload"] == "even"]
    assert even == [number * PERIOD_NS for number in range(12) for _ in range(2)]
    loose = [row for row in rows if row["workload"] == "loose"]
    assert [row["segment"].rpartition(".")[0] for row in loose] == ["load-loose.0", "load-loose.1"] * 12
    firsts, seconds = ([row["due_ns"] for row in loose[start::2]] for start in (0, 1))
    assert firsts == seconds
    assert [due_ns // PERIOD_NS for due_ns in firsts] == list(range(12))
    late = {due_ns % PERIOD_NS for due_ns in firsts}
    assert len(late) == 12
    assert max(late) <= 200_000_000
    (of_workload,) = ran.report["workload_slos"]
    assert [one["status"] for one in of_workload["slos"]] == ["met"]
    assert '"http_pairs"' in (ran.run_dir / "run.json").read_text()
    copy.python(
        "from tools.docs.scenario import scenario_page; page = scenario_page()\n"
        "assert '## HttpPairs' in page and '| WsRequests | HttpPairs`' in page and 'HttpScheduled' not in page"
    )
    copy.python("import battle; assert battle.HttpPairs('m', period=1, duration=1).jitter == 0")
    (copy.place / "toy.toml").write_text(PAIRS.replace('"200ms"', '"700ms"'))
    refused = copy.battle("check", "toy.toml").stdout
    assert "workload loose: jitter must be from 0 to less than the period, not 700 ms" in refused


SLOW = """
gateway = {type = "embedded", strategy = "priority"}
chaos = [{type = "latency", target = "a", at = "2s", duration = "2s", delay = "20ms"}]
"""


def test_a_checker_is_one_file(contribute: Contribute) -> None:
    """Of 240 requests those of the two seconds of the fault are slow, which no SLO says: the checker alone fails."""
    copy = contribute("requests_are_quick.py", "battle/analysis/verdict/checkers")
    slow = copy.run(SCENARIO + SLOW)
    names = [one["checker"] for one in slow.report["findings"]]
    assert names.index("requests_are_quick") == names.index("answers_are_right") + 1
    finding = slow.report["findings"][names.index("requests_are_quick")]
    assert (finding["verdict"], finding["severity"]) == ("FAIL", "harm")
    assert (slow.report["verdict"], slow.report["reasons"]) == ("FAIL", ["80 requests took more than 15 ms"])
    assert len(slow.sql(finding["query"])) == 80
    assert slow.markdown.startswith("# FAIL: Do not ship, because 80 requests took more than 15 ms.\n")
    assert any(line.startswith("| requests_are_quick ") for line in slow.markdown.splitlines())
    quick = copy.run(SCENARIO)
    assert quick.report["verdict"] == "PASS", quick.report["reasons"]
    assert "0 requests took more than 15 ms" in quick.markdown
