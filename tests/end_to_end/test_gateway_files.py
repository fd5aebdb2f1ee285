"""Gateways that want more than to be started: a path, a header, further ports, time, TLS; and what is said when one
of these is wrong."""

import json
import sys
from pathlib import Path

import duckdb
import pytest
import trustme

from battle import (
    HttpConstant,
    MockProvider,
    Scenario,
    Slo,
    StartError,
    UrlGateway,
    WsSubscribe,
    run_scenario,
    seconds,
)
from battle.cli.app import run_command_line
from tests.end_to_end.battles import ask

PROGRAM = Path(__file__).with_name("small_gateway.py")
SECRET = "s3cr3t-of-the-gateway"

pytestmark = pytest.mark.live

COMMAND = [sys.executable, str(PROGRAM), "--port={port}", "--up={provider.address}"]


def scenario(**fields) -> Scenario:
    """A second of load over HTTP, and subscribers that get a head or two."""
    parts = {
        "providers": [MockProvider("a"), MockProvider("b")],
        "workloads": [
            HttpConstant("eth_blockNumber", rate=20, duration=seconds(1)),
            WsSubscribe(connections=2, duration=seconds(3), name="heads"),
        ],
        "slo": Slo(success_rate=0.99, max_missed_heads=0),
    }
    return Scenario("small", **{**parts, **fields})


def http_only(**fields) -> Scenario:
    return scenario(
        workloads=[HttpConstant("eth_blockNumber", rate=20, duration=seconds(1))],
        slo=Slo(success_rate=0.99),
        **fields,
    )


def file_of(tmp_path: Path, *more: str, **fields) -> str:
    path = tmp_path / "small.json"
    path.write_text(json.dumps({"name": "small", "command": [*COMMAND, *more], **fields}))
    return str(path)


def all_right(result) -> bool:
    """Whether all requests were answered, and subscribers got heads."""
    counts = "SELECT (SELECT count(*) FROM requests), (SELECT count(*) FROM notifications)"
    [(requests, heads)] = ask(result.run_dir, counts)
    outcomes = ask(result.run_dir, "SELECT DISTINCT outcome, answer FROM requests")
    return requests == 20 and heads > 0 and outcomes == [("ok", "right")]


def assert_nowhere(secret: str, run_dir: Path) -> None:
    """It is in no file of a run."""
    for path in run_dir.rglob("*"):
        assert not path.is_file() or secret.encode() not in path.read_bytes(), path
    for table in run_dir.glob("events/*.parquet"):
        assert secret not in str(duckdb.sql(f"FROM '{table}'").fetchall())


@pytest.fixture
def secret(monkeypatch):
    monkeypatch.setenv("SMALL_SECRET", SECRET)
    return SECRET


WHOLE = {
    "path": "/main/evm/1",
    "ws_path": "/main/ws",
    "ws_port": True,
    "ports": ["stats"],
    "headers": {"X-Secret": "${SMALL_SECRET}"},
    "env": {"GATEWAY_SECRET": "${SMALL_SECRET}"},
    "working_directory": "data",
    "log": "own.log",
    "stop_signal": "SIGINT",
    "reports": "none",
    "version_command": [sys.executable, "-c", "print('small 1.2.3')"],
}
WORDS = [
    "--ws-port={ws_port}",
    "--stats={port:stats}",
    "--path=/main/evm/1",
    "--ws-path=/main/ws",
    "--log={workdir}/own.log",
]


def test_a_slow_gateway_with_a_path_a_header_and_three_ports_is_tested(tmp_path, capsys, secret):
    ready = {"path": "/healthz", "status": 204, "port": "stats"}
    file = file_of(tmp_path, *WORDS, "--slow=1", ready=ready, **WHOLE)
    result = run_scenario(scenario(), gateway=file, out=tmp_path / "out")
    assert all_right(result)
    assert ask(result.run_dir, "SELECT count(DISTINCT provider) FROM requests") == [(0,)]
    assert result.report.run.versions["gateway"] == "small 1.2.3"
    assert run_command_line(["report", str(result.run_dir)]) == 0
    assert "small 1.2.3" in (result.run_dir / "report.md").read_text()
    own = (result.run_dir / "gateway" / "own.log").read_text()
    assert f"started in {(result.run_dir / 'gateway' / 'data').resolve()}" in own
    assert own.endswith("asked to end by SIGINT\n")
    said = capsys.readouterr()
    assert secret not in said.out + said.err
    assert_nowhere(secret, result.run_dir)


def test_without_its_header_it_refuses(tmp_path, secret):
    file = file_of(tmp_path, *WORDS, **{**WHOLE, "headers": {}})
    result = run_scenario(http_only(), gateway=file, out=tmp_path / "out")
    assert ask(result.run_dir, "SELECT DISTINCT http_status, provider FROM requests") == [(403, None)]


def test_what_is_never_ready_is_named(tmp_path):
    file = file_of(tmp_path, "--slow=60", ready={"path": "/healthz"}, ready_timeout="1s")
    with pytest.raises(
        StartError, match="small did not start: it was not ready in time: GET /healthz says HTTP 503"
    ):
        run_scenario(http_only(), gateway=file, out=tmp_path / "out")


def test_a_missing_variable_is_one_sentence_before_anything_starts(tmp_path):
    file = file_of(tmp_path, env={"GATEWAY_SECRET": "${NO_SUCH_SECRET}"})
    says = "gateway small needs the environment variable NO_SUCH_SECRET, which is not set"
    with pytest.raises(StartError, match=says):
        run_scenario(http_only(), gateway=file, out=tmp_path / "out")


def test_a_missing_program_says_how_it_is_installed(tmp_path):
    file = tmp_path / "none.toml"
    file.write_text('command = ["no-such-program"]\ninstall = "apt-get install none"')
    says = "'no-such-program' is not installed, or not on PATH: install it with `apt-get install none`"
    with pytest.raises(StartError, match=says):
        run_scenario(http_only(), gateway=str(file), out=tmp_path / "out")


def test_its_last_words_are_shown_without_its_secrets(tmp_path, secret):
    file = file_of(tmp_path, *WORDS, "--dies-after=3", **WHOLE)
    result = run_scenario(http_only(), gateway=file, out=tmp_path / "out")
    crashes = (
        "SELECT reason FROM actor_lifecycle WHERE actor = 'gateway' AND change = 'crashed' ORDER BY at_ns"
    )
    reason = ask(result.run_dir, crashes)[0][0]
    assert "last output: up | I give up: ***; the end of its log: " in reason
    assert reason.endswith("giving up with ***")
    assert "I give up: ***" in (result.run_dir / "nodes" / "gateway.1.txt").read_text()
    assert_nowhere(secret, result.run_dir)


def test_what_it_prints_before_it_is_up_is_shown_without_its_secrets(tmp_path, secret):
    file = tmp_path / "talks.toml"
    file.write_text('command = ["sh", "-c", "echo I know $KEY; exit 3"]\nenv = { KEY = "${SMALL_SECRET}" }')
    with pytest.raises(StartError, match=r"last output: I know \*\*\*") as caught:
        run_scenario(http_only(), gateway=str(file), out=tmp_path / "out")
    assert secret not in str(caught.value)


@pytest.fixture
def authority(tmp_path):
    """A private CA, and the certificate of a server on this machine."""
    ca = trustme.CA()
    ca.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    ca.issue_cert("localhost", "127.0.0.1").private_key_and_cert_chain_pem.write_to_path(
        str(tmp_path / "server.pem")
    )


def test_a_gateway_with_tls_is_reached_over_https_and_wss(tmp_path, authority):
    file = file_of(
        tmp_path, "--cert={here}/server.pem", tls=True, ca_file="ca.pem", ready={"method": "eth_chainId"}
    )
    result = run_scenario(scenario(), gateway=file, out=tmp_path / "out")
    assert all_right(result)


def test_a_certificate_that_is_not_trusted_is_named(tmp_path, authority):
    file = file_of(tmp_path, "--cert={here}/server.pem", tls=True, ready_timeout="1s")
    with pytest.raises(StartError, match=r"it was not ready in time: .*certificate verify failed"):
        run_scenario(http_only(), gateway=file, out=tmp_path / "out")


@pytest.mark.parametrize(
    ("text", "says"), [("no PEM", "holds no certificates in PEM"), (None, "cannot be read: No such")]
)
def test_a_ca_file_that_is_none_is_named(tmp_path, text, says):
    if text is not None:
        (tmp_path / "ca.pem").write_text(text)
    gateway = UrlGateway("https://127.0.0.1:1", ca_file="ca.pem", here=str(tmp_path))
    with pytest.raises(StartError, match=f"ca_file .*ca.pem {says}"):
        run_scenario(http_only(gateway=gateway), out=tmp_path / "out")
