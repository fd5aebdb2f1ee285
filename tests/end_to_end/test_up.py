"""`battle up`: providers for a gateway that runs elsewhere, with faults that are typed, until Ctrl-C."""

import json
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import msgspec
import pytest

from battle.actors.spec.gateways import CommandGateway, UrlGateway
from battle.actors.world.live.loopback import check_loopback
from battle.errors import SetupError
from battle.run.up import stand
from battle.scenario.loader import load_scenario

pytestmark = pytest.mark.live

SCENARIO = """
name = "Two stand"
providers = [{ name = "a" }, { name = "b" }]
workloads = [{ type = "http_constant", method = "eth_chainId", rate = 10, duration = "5s" }]
chaos = [{ type = "error_rate", target = "b", at = "0s", duration = "300ms", kinds = ["http_503"] }]
slo = { success_rate = 0.9 }
"""
QUESTION = b'{"jsonrpc":"2.0","id":7,"method":"eth_chainId","params":[]}'


@pytest.fixture
def up(tmp_path):
    """Starts `battle up` with further options, and ends it by its id."""
    check_loopback()
    (tmp_path / "two.toml").write_text(SCENARIO)
    line = [sys.executable, "-m", "battle", "up", str(tmp_path / "two.toml"), "--out", str(tmp_path / "out")]
    programs = []

    def start(*options):
        program = subprocess.Popen(
            [*line, *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        programs.append(program)
        return program

    yield start
    for program in programs:
        if program.poll() is None:
            program.kill()
        program.communicate()


def type_in(program, line):
    """Type a line, and read what is said to it."""
    program.stdin.write(line + "\n")
    program.stdin.flush()
    return program.stderr.readline().rstrip("\n")


def comes(url, status):
    """Ask until this is the answer: a provider hears of its faults a moment after they begin."""
    asked = 1
    while (got := ask(url)) != status:
        asked += 1
        assert asked < 500, f"{got} and never {status}"
        time.sleep(0.01)
    return True


def ask(url):
    """The status of an answer, or "refused"."""
    question = urllib.request.Request(url, QUESTION, {"content-type": "application/json"})
    try:
        with urllib.request.urlopen(question, timeout=10) as answer:
            assert json.load(answer) == {"jsonrpc": "2.0", "id": 7, "result": "0x1"}
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
    except urllib.error.URLError as error:
        return "refused" if isinstance(error.reason, ConnectionRefusedError) else str(error.reason)
    except ConnectionResetError:  # it was killed while it was asked
        return "reset"


def test_what_typed_faults_make_of_the_chain_is_in_the_log(up):
    program = up("--json")
    said = json.loads(program.stdout.readline())
    program.stderr.readline()
    assert type_in(program, "chain_halt *").startswith("chain_halt-a.by-hand-1 holds")
    program.stderr.readline()
    assert type_in(program, "end") == "chain_halt-a.by-hand-1 has ended"
    program.send_signal(signal.SIGINT)
    program.communicate(timeout=30)
    query = (
        "SELECT bool_or(every_ns IS NULL) AS halted, bool_or(every_ns > 0 AND from_ns < 3600 * 1e9) AS went_on "
        "FROM chain_paces"
    )
    rows = subprocess.run(
        [sys.executable, "-m", "battle", "sql", said["run"], query, "--format", "json"],
        capture_output=True,
        check=True,
    ).stdout
    assert json.loads(rows) == [{"halted": True, "went_on": True}]


def test_providers_stand_until_ctrl_c_and_faults_can_be_typed(up):
    program = up("--json")
    said = json.loads(program.stdout.readline())
    a, b = (said["providers"][name]["http"] for name in "ab")
    assert "faults can be typed" in program.stderr.readline()
    assert (ask(a), ask(b)) == (200, 200)
    assert type_in(program, "kill a") == "kill-a.by-hand-1 holds until `end`"
    assert comes(a, "refused")
    assert type_in(program, "error_rate b kinds=http_503") == "error_rate-b.by-hand-2 holds until `end`"
    assert comes(b, 503)
    assert type_in(program, "kill gateway") == ("kill: gateway does not stand here: `--gateway` starts one")
    assert type_in(program, "error_rate nobody").startswith("error_rate: its target 'nobody' does not exist")
    twice = "end error_rate-b.by-hand-2 error_rate-b.by-hand-2"
    assert type_in(program, twice) == "error_rate-b.by-hand-2 has ended"
    assert comes(b, 200)
    assert type_in(program, "plan") == "the plan begins: 1 fault, the last is over after 300 ms"
    lines = [program.stderr.readline().rstrip() for _ in range(3)]
    assert lines == ["error_rate-b.1 begins", "error_rate-b.1 ends", "the plan is over"]
    program.send_signal(signal.SIGINT)
    out, err = program.communicate(timeout=30)
    assert (program.returncode, out) == (0, "")
    assert err.startswith("battle: what the providers saw: battle sql ")
    query = (
        "SELECT provider, outcome, bool_and(fault_id IS NULL) AS well FROM attempts GROUP BY ALL ORDER BY ALL"
    )
    rows = subprocess.run(
        [sys.executable, "-m", "battle", "sql", said["run"], query, "--format", "json"],
        capture_output=True,
        check=True,
    ).stdout
    assert json.loads(rows) == [
        {"provider": "a", "outcome": "ok", "well": True},
        {"provider": "b", "outcome": "error", "well": False},
        {"provider": "b", "outcome": "ok", "well": True},
    ]


def test_ports_follow_and_one_in_use_is_a_sentence(up):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        program = up("--port", str(port))
        out, err = program.communicate(timeout=30)
    assert (program.returncode, out) == (2, "")
    assert err == f"battle: port {port} for a is not available: Address already in use\n"


def test_it_stands_also_when_nothing_can_be_typed(up):
    program = up()
    program.stdin.close()
    assert program.stdout.readline().startswith("a  http://127.0.0.1:")
    assert program.poll() is None
    program.send_signal(signal.SIGTERM)
    program.stdin = None
    program.communicate(timeout=30)
    assert program.returncode == 0


def test_a_gateway_that_stands_with_them_can_be_killed(up, tmp_path):
    words = [sys.executable, "-m", "http.server", "{port}", "--bind", "127.0.0.1"]
    (tmp_path / "mine.toml").write_text(f'type = "command"\ncommand = {json.dumps(words)}\n')
    program = up("--json", "--gateway", str(tmp_path / "mine.toml"))
    gateway = json.loads(program.stdout.readline())["gateway"]["http"]
    program.stderr.readline()
    assert ask(gateway) == 501  # it knows no POST
    assert type_in(program, "kill gateway") == "kill-gateway.by-hand-1 holds until `end`"
    assert comes(gateway, "refused")
    assert type_in(program, "end") == "kill-gateway.by-hand-1 has ended"
    assert comes(gateway, 501)
    program.send_signal(signal.SIGINT)
    program.communicate(timeout=30)
    assert program.returncode == 0


def test_no_secret_stays_behind_whatever_ends_it(tmp_path, monkeypatch):
    monkeypatch.setenv("GATEWAY_KEY", "a-secret-of-mine")
    (tmp_path / "two.toml").write_text(SCENARIO)
    words = (sys.executable, "-m", "http.server", "{port}", "--bind", "127.0.0.1")
    gateway = CommandGateway(words, "{{ env.KEY }}", env={"KEY": "${GATEWAY_KEY}"}, name="mine")
    scenario = msgspec.structs.replace(load_scenario(str(tmp_path / "two.toml")), gateway=gateway)

    def below():
        return b"".join(path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file())

    async def fail(standing):
        assert b"a-secret-of-mine" in below()
        raise ZeroDivisionError

    with pytest.raises(ExceptionGroup) as raised:
        stand(scenario, seed=1, out=tmp_path / "out", command="", say=print, use=fail, with_gateway=True)
    assert raised.group_contains(ZeroDivisionError)
    assert b"a-secret-of-mine" not in below()


def test_a_setup_hook_gets_the_address_of_a_gateway_whose_url_is_a_secret(tmp_path, monkeypatch):
    monkeypatch.setenv("GATEWAY_URL", "http://127.0.0.1:1234/rpc")
    (tmp_path / "two.toml").write_text(SCENARIO)
    (tmp_path / "note_gateway.py").write_text("def note(context):\n    raise KeyError(context.gateway)\n")
    monkeypatch.syspath_prepend(str(tmp_path))

    async def never(standing):
        raise AssertionError("nothing has started")

    scenario = msgspec.structs.replace(
        load_scenario(str(tmp_path / "two.toml")),
        gateway=UrlGateway("${GATEWAY_URL}"),
        setup="note_gateway:note",
    )
    with pytest.raises(SetupError, match=r"KeyError: '127\.0\.0\.1:1234'"):
        stand(scenario, seed=1, out=tmp_path / "out", command="", say=print, use=never)


DEAF = """
import http.server, pathlib, signal, sys
here = pathlib.Path(sys.argv[2])
signal.signal(signal.SIGTERM, lambda *_: (here / "asked").touch())
server = http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), http.server.BaseHTTPRequestHandler)
(here / "stands").touch()
server.serve_forever()
"""


@pytest.mark.parametrize(("command", "status"), [("up", 0), ("run", 130)])
def test_asked_twice_it_does_not_wait_for_a_gateway_that_does_not_end(tmp_path, command, status):
    (tmp_path / "two.toml").write_text(SCENARIO.replace('"5s"', '"10m"'))
    words = [sys.executable, "-c", DEAF, "{port}", str(tmp_path)]
    (tmp_path / "deaf.toml").write_text(f'type = "command"\ncommand = {json.dumps(words)}\ngrace = "10m"\n')
    options = ["--gateway", "deaf.toml", "--out", "out"]
    with subprocess.Popen(
        [sys.executable, "-m", "battle", command, "two.toml", *options],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as program:
        try:
            for sign in ("stands", "asked"):
                while not (tmp_path / sign).exists():
                    assert program.poll() is None
                    time.sleep(0.01)
                program.send_signal(signal.SIGINT)
            assert program.wait(30) == status
        finally:
            program.kill()
