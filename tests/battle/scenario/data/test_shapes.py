"""Data against the types of a scenario: all mistakes at once, each with its place and what to write instead."""

from functools import cache

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import inspect

from battle import (
    EmbeddedGateway,
    HttpConstant,
    Kill,
    MockProvider,
    RealProvider,
    Scenario,
    ScenarioError,
    Slo,
    Uniform,
)
from battle.actors.spec.gateways import CommandGateway
from battle.actors.units import SHORTEST, ms, seconds
from battle.scenario.data.files import DataFile, converted, parsed
from battle.scenario.data.shapes import problems_of, read
from battle.scenario.loader import scenario_from_data, scenario_from_file
from battle.scenario.validation import checked

BARE = [1, 20, SHORTEST - 1]
WRONG = [*BARE, 1.5, -seconds(5), True, "5", "1 week", "-5s", "1us"]


def minimal(kind):
    """The least that is of this kind."""
    match kind:
        case inspect.Metadata(extra={"duration": True}):
            return 10**9
        case inspect.Metadata():
            return minimal(kind.type)
        case inspect.UnionType():
            return minimal(kind.types[0])
        case inspect.StructType():
            data = {field.encode_name: minimal(field.type) for field in kind.fields if field.required}
            return data if kind.tag is None else {"type": kind.tag, **data}
        case inspect.LiteralType():
            return kind.values[0]
        case inspect.StrType():
            return "x"
        case inspect.IntType() | inspect.FloatType():
            return 1
        case inspect.BoolType():
            return True
        case inspect.NoneType():
            return None
        case inspect.DictType():
            return {}
        case _:
            return []


def with_a_duration(kind, duration):
    """Every way to say that duration somewhere inside, and where: (data, path)."""
    match kind:
        case inspect.Metadata(extra={"duration": True}):
            yield duration, ()
        case inspect.Metadata():
            yield from with_a_duration(kind.type, duration)
        case inspect.UnionType():
            for one in kind.types:
                yield from with_a_duration(one, duration)
        case inspect.StructType():
            for field in kind.fields:
                for data, path in with_a_duration(field.type, duration):
                    yield {**minimal(kind), field.encode_name: data}, (field.encode_name, *path)
        case inspect.ListType() | inspect.VarTupleType() | inspect.SetType():
            for data, path in with_a_duration(kind.item_type, duration):
                yield [data], (0, *path)
        case inspect.DictType():
            for data, path in with_a_duration(kind.value_type, duration):
                yield {"k": data}, ("k", *path)


@cache
def structs_below(root) -> list[type]:
    found = set()
    waiting = [inspect.type_info(root)]
    while waiting:
        kind = waiting.pop()
        if isinstance(kind, inspect.StructType):
            if kind.cls in found:
                continue
            found.add(kind.cls)
            waiting += [field.type for field in kind.fields]
        waiting += [
            getattr(kind, name) for name in ("type", "item_type", "value_type") if hasattr(kind, name)
        ]
        waiting += list(getattr(kind, "types", ()))
    return sorted(found, key=lambda cls: cls.__name__)


@pytest.mark.parametrize("root", [Scenario, CommandGateway])
@pytest.mark.parametrize("wrong", WRONG)
def test_no_field_of_any_struct_takes_such_a_duration(root, wrong):
    """Found by the types: a new field, and a new fault, is covered by itself."""
    paths = set()
    for data, path in with_a_duration(inspect.type_info(root), wrong):
        _, problems = read(data, root)
        assert [problem.path for problem in problems] == [path]
        paths.add(path)
    if root is Scenario:
        assert len(structs_below(Scenario)) > 60
        assert len(paths) > 60


@pytest.mark.parametrize("bare", [*BARE, -seconds(5)])
def test_nor_does_one_that_is_made_in_python(bare):
    for data, path in with_a_duration(inspect.type_info(Scenario), bare):
        scenario = msgspec.convert(data, Scenario)
        assert path in [problem.path for problem in problems_of(scenario)]


@pytest.mark.parametrize("right", [0, SHORTEST, "10us", "1h30m"])
def test_every_field_takes_any_other(right):
    for data, _ in with_a_duration(inspect.type_info(Scenario), right):
        plain, problems = read(data, Scenario)
        assert problems == []
        msgspec.convert(plain, Scenario)


def scenario(**changes):
    parts = {
        "providers": [MockProvider("a"), MockProvider("b")],
        "workloads": [HttpConstant("eth_chainId", rate=5, duration=seconds(5))],
        "slo": Slo(success_rate=0.9),
    }
    return Scenario("x", **{**parts, **changes})


def refusal(made):
    with pytest.raises(ScenarioError) as raised:
        checked(made)
    return str(raised.value)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"chaos": [Kill("a", at=1)]},
            "chaos[0] (kill a): at = 1 ns: durations are nanoseconds; write ms(1) or seconds(1), "
            'in a file "1ms" or "1s"',
        ),
        (
            {"chaos": [Kill("a", at=1.5)]},
            "chaos[0] (kill a): at = 1.5: durations are nanoseconds; write ms(1.5)",
        ),
        (
            {"chaos": [Kill("a", at=0.5 * ms(20))]},
            "at = 10000000.0: durations are whole nanoseconds; write ms(10)",
        ),
        ({"chaos": [Kill("a", at="5s")]}, "at = '5s': durations are numbers in Python; write seconds(5)"),
        ({"chaos": [Kill("a", at=seconds(-5))]}, "kill: at must be 0 or later, not -5 s"),
        ({"providers": [MockProvider("a", latency=20)]}, "providers[0] (mock a): latency = 20 ns: "),
        (
            {"providers": [MockProvider("a", latency=Uniform(1, 2))]},
            "providers[0] (mock a): latency.low = 1 ns: ",
        ),
        ({"gateway": EmbeddedGateway(hedge_after=100)}, "gateway.hedge_after = 100 ns: "),
        ({"gateway": EmbeddedGateway(seed_latencies={"a": 5})}, "gateway.seed_latencies.a = 5 ns: "),
        (
            {"gateway": EmbeddedGateway(strategy="fastes")},
            "gateway.strategy = 'fastes': did you mean 'fastest'? it is one of fastest, latency_weighted, ",
        ),
        (
            {"slo": Slo(success_rate="99%")},
            "slo.success_rate: expected a number, not '99%': write 0.99",
        ),
        ({"slo": Slo(success_rate=99)}, "success_rate is a share above 0 and at most 1, not 99: write 0.99"),
        (
            {"workloads": HttpConstant("m", rate=1, duration=ms(9))},
            "workloads: expected a list: write [ ... ], not",
        ),
        ({"proves": "a\x1bb"}, "proves: it holds \\u001b, a control character: leave it out"),
        ({"proves": "a\ud800b"}, "proves: it holds \\ud800, half of a surrogate pair: leave it out"),
        (
            {"providers": [MockProvider("a", canned={"m": ["\udfff"]})]},
            "it holds \\udfff, half of a surrogate pair",
        ),
        ({"providers": [MockProvider("a", canned={"m": object()})]}, "a object is not data"),
    ],
)
def test_a_wrong_value_is_told_with_its_place_and_what_to_write(changes, sentence):
    assert sentence in refusal(scenario(**changes))


def test_a_negative_duration_is_told_once():
    assert refusal(scenario(chaos=[Kill("a", at=seconds(-5))])).count("-5 s") == 1


def test_a_name_that_no_file_can_hold_is_refused_with_a_sentence_that_a_terminal_can_show():
    told = refusal(msgspec.structs.replace(scenario(), name="a\ud800"))
    assert "half of a surrogate pair" in told
    told.encode()


TOML = """
name = "x"
workloads = [{type = "http_constant", method = "eth_chainId", rate = 5, duration = "5s"}]

[[providers]]
name = "a"
latancy = "5ms"

[[providers]]
name = "b"
latency = 20

[gateway]
type = "embedded"
strategy = "fastes"

[[chaos]]
type = "kil"
target = "a"
at = "1 week"

[slo]
success_rate = "99%"
"""
YAML = """
name: x
providers:
  - name: a
    latancy: 5ms
  - {name: b, latency: 20}
workloads:
  - type: http_constant
    method: eth_chainId
    rate: "fast"
"""


def told_of(text, suffix):
    with pytest.raises(ScenarioError) as raised:
        scenario_from_file(parsed(text, suffix, f"file{suffix}"))
    assert str(raised.value) == f"file{suffix}: {'; '.join(raised.value.problems)}"
    return list(raised.value.problems)


def test_all_mistakes_in_a_file_are_told_with_their_lines():
    assert told_of(TOML, ".toml") == [
        "line 7: providers[0] (mock a): unknown field `latancy` in MockProvider: did you mean `latency`?",
        "line 11: providers[1] (mock b): latency = 20 ns: durations are nanoseconds; write ms(20) or "
        'seconds(20), in a file "20ms" or "20s"',
        "line 15: gateway.strategy = 'fastes': did you mean 'fastest'? it is one of fastest, latency_weighted, "
        "priority, random, round_robin",
        *(line for line in told_of(TOML, ".toml") if "'kil'" in line),
        "line 23: slo.success_rate: expected a number, not '99%': write 0.99",
    ]
    (kind,) = (line for line in told_of(TOML, ".toml") if "'kil'" in line)
    assert kind.startswith("line 18: chaos[0] (kil a): type = 'kil': did you mean 'kill'? it is one of ")


def test_lines_of_yaml_and_json_are_told_too():
    found = told_of(YAML, ".yaml")
    assert [line.partition(": ")[0] for line in found] == [
        "line 5",
        "line 6",
        "line 10",
        "line 8",
    ]
    (line,) = told_of('{\n"name": "x",\n"providers": [],\n"workloads": [],\n"slos": 1}', ".json")
    assert line.startswith("line 5: unknown field `slos` in Scenario: did you mean `slo`?")


def test_a_text_that_only_looks_like_a_duration_stays_a_text():
    data = {
        "name": "10 s",
        "providers": [{"name": "a", "canned": {"eth_call": "5s"}}],
        "workloads": [{"type": "http_constant", "method": "eth_call", "rate": 5, "duration": "5s"}],
    }
    loaded = scenario_from_data(data, "file")
    assert (loaded.name, loaded.providers[0].canned, loaded.load) == ("10 s", {"eth_call": "5s"}, seconds(5))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(["name", "providers", "workloads", "chaos", "type", "slo", "x"]), inner
            )
        ),
    )
)
def test_any_data_gives_a_scenario_or_a_sentence(data):
    try:
        scenario_from_data(data, "file")
    except ScenarioError as error:
        told = str(error)
    else:
        told = "file"
    assert told.encode().startswith(b"file")


def test_data_that_refers_to_itself_ends():
    loop = []
    loop.append(loop)
    data = {"name": "x", "providers": [{"name": "a", "canned": {"m": loop}}], "workloads": loop}
    with pytest.raises(ScenarioError):
        scenario_from_data(data, "file")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: HttpConstant("m", rat=5), "unknown field `rat` in HttpConstant: did you mean `rate`?"),
        (lambda: Kill("a", when=1), "unknown field `when` in Kill: its fields are target, at, down"),
        (lambda: HttpConstant("m", rate=5), "HttpConstant: Missing required argument 'duration'"),
        (lambda: MockProvider("a", tags=("x",)), "`tags` of MockProvider is called `groups` now"),
        (lambda: RealProvider("a", "http://a", tags=()), "`tags` of RealProvider is called `groups` now"),
        (lambda: Scenario("a", [], [], labels=("x",)), "`labels` of Scenario is called `tags` now"),
        (lambda: Slo(sucess_rate=1), "unknown field `sucess_rate` in Slo: did you mean `success_rate`?"),
    ],
)
def test_a_constructor_names_its_struct_and_the_nearest_field(make, message):
    with pytest.raises(TypeError, match="^" + message.replace("?", r"\?").replace("(", r"\(")):
        make()


def test_a_gateway_file_is_read_the_same_way():
    with pytest.raises(ScenarioError, match="line 2: ready_timeout = 5 ns"):
        converted(parsed('command = ["x"]\nready_timeout = 5', ".toml", "gateway g.toml"), CommandGateway)
    assert converted(
        DataFile("g", {"command": ["x"], "ready_timeout": "1m"}), CommandGateway
    ).ready_timeout == seconds(60)


SOUND = {"type": "http_constant", "method": "eth_chainId", "rate": 5, "duration": "5s"}


def test_wrong_values_of_all_kinds_are_told_together():
    data = {
        "name": "x",
        "slo": {"success_rate": 99},
        "providers": [
            {"type": "mock", "name": "a", "latency": "20 blah"},
            {"type": "mock", "name": "b", "port": 99999},
        ],
        "workloads": [{**SOUND, "rate": 0}],
        "healing": {"duration": "-3s"},
    }
    _, problems = read(data, Scenario)
    assert [(problem.path, problem.text.partition(",")[0]) for problem in problems] == [
        (("providers", 0, "latency"), 'that is not a duration; write one like "10s"'),
        (("healing", "duration"), "a duration cannot be negative"),
        (("providers", 1), "provider b: port must be from 0 (any) to 65535"),
        (("slo",), "success_rate is a share above 0 and at most 1"),
        (("workloads", 0), "rate must be above 0 requests per second"),
    ]


def test_in_python_too():
    wrong = Scenario(
        "x",
        providers=[MockProvider("a", latency=20.5)],
        workloads=[HttpConstant("m", rate=0, duration=seconds(1))],
        slo=[Slo(success_rate=99), Slo(p95_latency_ms=-1)],
    )
    with pytest.raises(ScenarioError) as raised:
        checked(wrong)
    assert [problem.partition(": ")[0] for problem in raised.value.problems] == [
        "providers[0] (mock a)",
        "slo[0]",
        "slo[1]",
        "workloads[0] (http_constant)",
    ]


@pytest.mark.parametrize("struct", structs_below(Scenario))
def test_what_any_struct_says_of_its_values_is_told_beside_a_wrong_shape(struct, monkeypatch):
    """Whatever kind of struct holds the wrong value, and wherever it is."""
    data, path = next(
        (data, path)
        for data, path in with_a_struct(inspect.type_info(Scenario), struct)
        if path or struct is Scenario
    )
    monkeypatch.setattr(struct, "problems", lambda self: iter(["it is wrong"]), raising=False)
    _, problems = read({**data, "min_requests": "many"}, Scenario)
    said = [problem.path for problem in problems if "it is wrong" in problem.text]
    # What holds it may say it of what is in it, and then it is not said twice.
    assert [path[: len(one)] == one for one in said] == ([] if struct is Scenario else [True])


def with_a_struct(kind, struct):
    """Every way to have that struct somewhere inside, and where: (data, path)."""
    match kind:
        case inspect.Metadata():
            yield from with_a_struct(kind.type, struct)
        case inspect.UnionType():
            for one in kind.types:
                yield from with_a_struct(one, struct)
        case inspect.StructType():
            if kind.cls is struct:
                yield minimal(kind), ()
            else:
                for field in kind.fields:
                    for data, path in with_a_struct(field.type, struct):
                        yield {**minimal(kind), field.encode_name: data}, (field.encode_name, *path)
        case inspect.ListType() | inspect.VarTupleType() | inspect.SetType():
            for data, path in with_a_struct(kind.item_type, struct):
                yield [data], (0, *path)
        case inspect.DictType():
            for data, path in with_a_struct(kind.value_type, struct):
                yield {"k": data}, ("k", *path)


@pytest.mark.parametrize(
    ("text", "suffix", "says"),
    [
        ('{"a": 1,\n"b" 2}', ".json", "line 2: expected ':'"),
        ('{"a": 1,\n"b": [', ".json", "line 2: Input data was truncated"),
        (
            "a: 1\nb: [\n- c\n",
            ".yaml",
            "line 3: while parsing a flow node, expected the node content, but found '-'",
        ),
        ("a: 1\nb: \x01\n", ".yaml", "line 2: the character U+0001 is not allowed"),
        ("a = 1\nb = [", ".toml", "Invalid value (at end of document)"),
    ],
)
def test_what_cannot_be_parsed_is_one_line_with_the_line_of_the_file(text, suffix, says):
    with pytest.raises(ScenarioError) as raised:
        parsed(text, suffix, "x")
    assert str(raised.value) == f"x is not valid {suffix[1:].upper()}: {says}"


def test_beside_a_wrong_shape_the_parts_still_tell_what_only_trying_them_shows():
    data = {
        "name": "s",
        "proves": 1,
        "providers": [{"type": "mock", "name": "a", "canned": {"m": {"error": "no"}}}],
        "workloads": [
            {"type": "replay", "path": "nowhere"},
            {"type": "ws_subscribe", "connections": 1, "duration": "5s", "kinds": [{"address": "0x12"}]},
        ],
    }
    told = [str(problem) for problem in read(data, Scenario)[1]]
    for says in (
        "proves",
        "the canned answer to m",
        "trace nowhere cannot be read",
        "invalid argument 0.address",
    ):
        (_,) = [sentence for sentence in told if says in sentence]
