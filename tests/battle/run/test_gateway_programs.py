"""What is put in for the placeholders of a gateway's command and template, and what its version command says."""

import sys

import pytest

from battle import CommandGateway
from battle.actors.spec.endpoints import Endpoint
from battle.run.gateway_endpoints import GatewayEndpoints
from battle.run.gateway_process import missing_program, prepare_command
from battle.run.placeholders import filled_text, filled_words, provider_values
from battle.run.program_version import VersionUnknownError, program_version
from battle.run.secrets import hide, secret_values

PROVIDERS = {"a": "127.0.0.1:1", "b": "127.0.0.1:2"}
ENDPOINTS = GatewayEndpoints(Endpoint("127.0.0.1:9"), Endpoint("127.0.0.1:8"), {"stats": "127.0.0.1:7"})

TEMPLATE = """{{ port }} {{ ws_port }} {{ ports.stats }} {{ env.KEY }}
{% for one in providers %}{{ one.name }}={{ one.url }}={{ one.ws_url }}={{ one.address }} {% endfor %}"""


def test_a_word_about_a_provider_comes_once_for_each():
    words = ["--port={port}", "--up={provider.name}={provider.url}", "x"]
    assert filled_words(words, {"port": "9"}, provider_values(PROVIDERS)) == [
        "--port=9", "--up=a=http://127.0.0.1:1", "--up=b=http://127.0.0.1:2", "x",
    ]  # fmt: skip


def test_the_words_of_a_list_come_together_once_for_each_provider():
    words = ["serve", ("--upstream", "{provider.url}", "--as", "{provider.name}:{port}"), "{port}"]
    assert filled_words(words, {"port": "9"}, provider_values(PROVIDERS)) == [
        "serve",
        "--upstream", "http://127.0.0.1:1", "--as", "a:9",
        "--upstream", "http://127.0.0.1:2", "--as", "b:9",
        "9",
    ]  # fmt: skip


def test_what_a_shell_puts_in_is_left_alone():
    assert (
        filled_text("${port} {port} {other} {port:stats}", {"port": "9", "port:stats": "7"})
        == "${port} 9 {other} 7"
    )


def test_a_program_is_prepared_as_its_file_says(tmp_path, monkeypatch):
    monkeypatch.setenv("SECRET", "s3cret")
    gateway = CommandGateway(
        ("sh", "{config}", "{ws_port}", "{port:stats}", "{providers}", "{here}/x"), template=TEMPLATE, ws_port=True,
        ports=("stats",), env={"KEY": "${SECRET}", "AT": "{port}"}, working_directory="data", here="/etc",
        log="own.log", stop_signal="SIGINT",
    )  # fmt: skip
    command = prepare_command(gateway, tmp_path, ENDPOINTS, PROVIDERS, 10)
    workdir = tmp_path / "gateway"
    both = "http://127.0.0.1:1,http://127.0.0.1:2"
    assert command.words[1:] == (str(workdir / "config"), "8", "7", both, "/etc/x")
    assert command.environment == {"KEY": "s3cret", "AT": "9"}
    assert command.directory == workdir / "data"
    assert (command.log, command.stop_signal) == (workdir / "own.log", "SIGINT")
    config = workdir / "config"
    assert config.read_text().splitlines()[0] == "9 8 7 s3cret"
    assert "b=http://127.0.0.1:2=ws://127.0.0.1:2=127.0.0.1:2" in config.read_text()
    assert config.stat().st_mode & 0o077 == 0
    hide(tmp_path, secret_values(gateway))
    assert config.read_text().splitlines()[0] == "9 8 7 ******"


def test_only_what_is_named_is_a_secret(monkeypatch):
    monkeypatch.setenv("SECRET", "s3cret")
    monkeypatch.setenv("SHORT", "no")
    gateway = CommandGateway(("it",), env={"A": "${HOME}/${SECRET}", "B": "plain", "C": "${SHORT}"})
    assert secret_values(gateway) == ("s3cret",)


def test_a_program_that_is_missing_is_named_with_how_to_install_it():
    gateway = CommandGateway(("no-such-program",), install="make it")
    assert (
        missing_program(gateway)
        == "'no-such-program' is not installed, or not on PATH: install it with `make it`"
    )
    assert missing_program(CommandGateway(("sh",))) is None


def version(code):
    return program_version(CommandGateway(("it",), version_command=(sys.executable, "-c", code)))


def test_the_first_line_is_the_version_on_either_output():
    assert version("print('\\n  it 1.2  \\nmore')") == "it 1.2"
    assert version("import sys; print('it 1.3', file=sys.stderr)") == "it 1.3"


def test_why_a_version_is_not_known():
    with pytest.raises(VersionUnknownError, match=r"fails with exit status 1: it 1\.3"):
        version("import sys; print('it 1.3', file=sys.stderr); sys.exit(1)")
    with pytest.raises(VersionUnknownError, match="prints nothing"):
        version("")
    with pytest.raises(VersionUnknownError, match="cannot be started: No such file"):
        program_version(CommandGateway(("it",), version_command=("no-such-program",)))
