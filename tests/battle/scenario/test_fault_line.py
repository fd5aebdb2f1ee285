"""Faults as they are typed: each kind can be, and what cannot be done is a sentence."""

import pytest

from battle import EmbeddedGateway, ErrorRate, HttpConstant, Kill, MockProvider, Scenario, Slo, seconds
from battle.errors import ScenarioError
from battle.scenario.fault_line import KINDS, FaultByHand, Order, help_text, parse_line

SCENARIO = Scenario(
    "Typed",
    providers=[MockProvider("a", groups=("cheap",)), MockProvider("b")],
    gateway=EmbeddedGateway(),
    workloads=[HttpConstant("eth_chainId", rate=10, duration=seconds(5))],
    slo=Slo(success_rate=0.9),
)


def parsed(line):
    return parse_line(line, SCENARIO)


def test_a_fault_holds_until_it_is_ended_or_for_a_length():
    assert parsed("kill a") == FaultByHand(Kill("a", at=0), None)
    assert parsed("kill a down=2s").length == parsed("hang a duration=2s").length == seconds(2)
    assert parsed("kill gateway") == FaultByHand(Kill("gateway", at=0), None)
    assert parsed("kill group:cheap for=1500ms") == FaultByHand(Kill("group:cheap", at=0), 1_500_000_000)


def test_fields_are_those_of_a_file_and_lists_need_no_brackets():
    wanted = FaultByHand(ErrorRate("a", ratio=0.5, kinds=("http_503", "http_500")), None)
    assert parsed("error_rate a ratio=0.5 kinds=http_503,http_500") == wanted
    assert parsed('error_rate a ratio=0.5 kinds=["http_503", "http_500"]  # half of them') == wanted
    assert parsed('error_rate "a" ratio=0.5 kinds="http_503",http_500') == wanted


@pytest.mark.parametrize("line", ["", "   ", "# kill a"])
def test_nothing_is_nothing(line):
    assert parsed(line) is None


@pytest.mark.parametrize(
    ("line", "order"),
    [
        ("end", Order("end")),
        ("end kill-a.1 kill-a.2", Order("end", ("kill-a.1", "kill-a.2"))),
        ("faults", Order("faults")),
        ("plan", Order("plan")),
        ("help kill", Order("help", ("kill",))),
    ],
)
def test_orders(line, order):
    assert parsed(line) == order


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("kil a", "there is no fault 'kil': did you mean `kill`?"),
        ("xyzzy", "there is no fault 'xyzzy': `help` lists them"),
        ("kill", "kill needs a target: kill a"),
        ("kill ratio=1", "kill needs a target"),
        ("kill c", "its target 'c' does not exist; the providers are a, b"),
        ("latency gateway", "latency: its target is the gateway, and only a fault of processes"),
        (f"error_rate a ratio={'[' * 2000}]", "ratio"),  # nested too deeply for anybody
        ("error_rate a ratio=7", "ratio is a share from 0 to 1"),
        ("error_rate a rato=1", "did you mean `ratio`?"),
        ("error_rate a ratio", "'ratio' is no field with a value: write FIELD=VALUE"),
        ("error_rate a ratio=", "'ratio=' is no field with a value"),
        ("error_rate a for=soon", "for=soon is no length of time: write for=10s"),
        ("error_rate a for=0s", "for=0s is no length of time"),
        ("error_rate a kinds=http_9", "kinds"),
        ("error_rate a at=5s", "by hand a fault begins now: leave at out"),
        ("flap a down=1s up=1s", "flap repeats itself"),
    ],
)
def test_what_cannot_be_done_is_a_sentence(line, sentence):
    with pytest.raises(ScenarioError) as refused:
        parsed(line)
    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)


NEEDED = {
    "degrade": "error_ratio=0.5",
    "latency": "delay=5ms",
}
"""What a kind cannot do without."""

TARGETS = {"chain_halt": "*", "slow_chain": "*"}
"""The chain is that of all providers."""


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("flap", "partition")])
def test_each_kind_can_be_typed(kind):
    line = parsed(f"{kind} {TARGETS.get(kind, 'a')} {NEEDED.get(kind, '')}")
    assert isinstance(line, FaultByHand)
    assert line.fault.kind() == kind
    assert line.fault.placed(0, 5).first == (0, 5)


@pytest.mark.parametrize("kind", KINDS)
def test_help_speaks_of_what_is_typed_and_not_of_fields_that_only_files_have(kind):
    said = help_text(kind)
    assert not {"`at`", "`down`", "`duration`", "none"} & set(
        said.replace(",", " ").replace(";", " ").split()
    )
    assert ("for=LENGTH" in said) is (kind != "flap")


def test_help_on_a_kill():
    assert help_text("kill") == (
        "kill TARGET: SIGKILL to the provider, or the gateway; it is started again `for` later.\n"
        "  fields: for=LENGTH"
    )
    assert help_text("pauze").startswith("there is no fault 'pauze'; there are: kill,")
