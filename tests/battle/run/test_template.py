"""A gateway's template may be any program: it is filled in, or there is one sentence, soon."""

import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from battle import CommandGateway
from battle.run.gateway_process import template_problem
from battle.run.template import (
    Task,
    TemplateProblem,
    _answer,
    filled,
)

ENDLESS = "{% for a in range(10**9) %}{% for b in range(10**9) %}{% endfor %}{% endfor %}"


def test_a_template_is_filled_in_as_it_is_written():
    template = "a {{ b }}\n{% for c in d %}{{ c.e }},{% endfor %}\n"
    assert filled(template, {"b": "<é>", "d": [{"e": 1}, {"e": "2"}]}) == "a <é>\n1,2,\n"


@pytest.mark.parametrize(
    ("template", "says"),
    [
        (ENDLESS, "takes longer than 2 s"),
        ("{{ 10 ** (10 ** 10) }}", "takes longer than 2 s"),
        ("{{ 'a' * 10**11 }}", "takes more than 512 MB of memory"),
        ("{{ 'a'.center(10**9) }}", "takes more than 512 MB of memory"),
        ("{% for a in range(10**9) %}aaaaaaaaaaaaaaaa{{ a }}{% endfor %}", "takes "),
        ("{{ 'a' * (2**24 + 1) }}", "makes a text of 16,777,217 bytes"),
        ("{{ 1 / 0 }}", "has a mistake: ZeroDivisionError"),
        ("{% macro a() %}{{ a() }}{% endmacro %}{{ a() }}", "has a mistake: RecursionError"),
        ("{{ b }}", "has a mistake: 'b' is undefined"),
        ("{% for", "has a mistake: "),
        ("{{ '\\ud800' }}", "has a mistake: UnicodeEncodeError"),
        ("{{ a['\\ud800'] }}", "has a mistake: 'a' is undefined"),
        ("\ud800", "is no valid UTF-8, at character 1"),
    ],
)
def test_what_cannot_be_filled_in_is_one_sentence(template, says):
    with pytest.raises(TemplateProblem, match=f"^{says.replace('(', '.')}") as raised:
        filled(template, {}, seconds=2)
    assert "\n" not in str(raised.value)


def process_below(parent: subprocess.Popen[str]) -> psutil.Process:
    """The process that fills in the template, once it is there."""
    while True:
        assert parent.poll() is None
        for child in psutil.Process(parent.pid).children():
            with suppress(psutil.Error):
                if "battle.run.template" in child.cmdline():
                    return child


@given(
    st.text(alphabet="ab1 .|*()[]{}%'\"\n\ud800é", max_size=60).map(lambda text: "{{" + text + "}}")
    | st.text(max_size=60)
)
def test_any_template_that_ends_is_filled_in_or_a_sentence(template):
    answer = _answer(Task(template, {"a": "1", "b": ["2"]}))
    assert "\n" not in (answer.problem or "")
    answer.text.encode()
    (answer.problem or "").encode()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_whoever_waits_for_a_template_is_ended_by_a_signal(tmp_path: Path, number: signal.Signals):
    path = tmp_path / "loops.toml"
    path.write_text(f'type = \'command\'\ncommand = [\'true\']\ntemplate = """{ENDLESS}"""\n')
    line = [sys.executable, "-m", "battle", "check", str(path)]
    with subprocess.Popen(line, stderr=subprocess.PIPE, text=True) as process:
        child = process_below(process)
        process.send_signal(number)
        _, said = process.communicate(timeout=30)
    assert (process.returncode, said, child.is_running()) == (130, "", False)


def test_a_template_that_never_ends_is_a_problem_of_its_gateway(monkeypatch):
    monkeypatch.setattr("battle.run.template.TEMPLATE_SECONDS", 1.0)
    gateway = CommandGateway(["true"], template=ENDLESS)
    problem = template_problem(gateway)
    assert problem == "gateway command: its template takes longer than 1 s: does a loop in it ever end?"
