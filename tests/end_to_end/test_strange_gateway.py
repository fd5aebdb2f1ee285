"""From `battle init` to a verdict on a gateway that Battle knows nothing of, as the README leads there.

The gateway is a program for Node with a path, a token in a header, a second port for WebSockets, and a slow start.
"""

import os
import socket
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from battle.actors.redaction import basic_authorization
from tests.battle.local_service import Reply, served

pytestmark = pytest.mark.live

PROGRAM = Path(__file__).with_name("strange_gateway.mjs")
TOKEN = "a-token-that-stands-nowhere"

GATEWAY = f"""
command = ["node", "{PROGRAM}"]
name = "strange"
env = {{ UPSTREAMS = "{{providers}}", PORT = "{{port}}", WS_PORT = "{{ws_port}}", TOKEN = "${{MY_TOKEN}}" }}
headers = {{ "X-Token" = "${{MY_TOKEN}}" }}
ws_port = true
path = "/rpc/v1"
ws_path = "/stream"
"""


def battle(directory, *words, token=TOKEN):
    """The command as its user types it: exit status, standard output and error."""
    environment = {**os.environ, "MY_TOKEN": token}
    done = subprocess.run(
        [sys.executable, "-m", "battle", *words],
        check=False,
        cwd=directory,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert TOKEN not in done.stdout + done.stderr
    return done.returncode, done.stdout, done.stderr


@contextmanager
def free_ports(count):
    """Numbers that follow each other, which nobody else was given."""
    with ExitStack() as stack:
        first = stack.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1]
        try:
            for number in range(1, count):
                stack.enter_context(socket.create_server(("127.0.0.1", first + number)))
        except OSError:
            first = None
    yield first


def consecutive(count):
    for _ in range(50):
        with free_ports(count) as first:
            if first is not None:
                return first
    raise AssertionError("no free ports in a row")


@contextmanager
def running(upstreams, **more):
    """The program, started by somebody else; where it listens for HTTP and WebSockets."""
    port = consecutive(2)
    environment = {**os.environ, "PORT": str(port), "WS_PORT": str(port + 1), "TOKEN": TOKEN, **more}
    environment["UPSTREAMS"] = ",".join(upstreams)
    with subprocess.Popen(["node", str(PROGRAM)], env=environment, stderr=subprocess.DEVNULL) as program:
        try:
            yield f"http://127.0.0.1:{port}/rpc/v1", f"ws://127.0.0.1:{port + 1}/stream"
        finally:
            program.terminate()


def shorten(path):
    """Four seconds instead of twenty: the same battle."""
    text = path.read_text()
    for long, short in (('"20s"', '"4s"'), ('"5s"', '"1s"'), ('"6s"', '"1500ms"')):
        assert long in text
        text = text.replace(long, short)
    path.write_text(text)


def no_secret_below(directory):
    return not [
        path for path in directory.rglob("*") if path.is_file() and TOKEN.encode() in path.read_bytes()
    ]


@pytest.mark.parametrize(("failover", "verdict"), [("on", 0), pytest.param("off", 1, marks=pytest.mark.slow)])
def test_one_that_runs_already(tmp_path, failover, verdict):
    first = consecutive(3)
    upstreams = [f"http://127.0.0.1:{first + number}" for number in range(3)]
    with running(upstreams, FAILOVER=failover) as (url, ws_url):
        words = ["init", "--gateway", url, "--ws-url", ws_url, "--port", str(first)]
        status, _, err = battle(tmp_path, *words)
        assert status == 2
        assert "401 Unauthorized, no JSON-RPC: it wants to know who asks; give --header" in err
        status, out, err = battle(tmp_path, *words, "--header", "X-Token: ${MY_TOKEN}")
        assert (status, err) == (0, "")
        assert f"found: {url}: chain 1" in out
        assert f"WebSockets: {ws_url}" in out
        assert "battle run first_battle.toml --gateway gateway.toml" in out
        assert battle(tmp_path, "check", ".")[0] == 0
        shorten(tmp_path / "first_battle.toml")
        status, out, err = battle(
            tmp_path, "run", "first_battle.toml", "--gateway", "gateway.toml", "--quiet"
        )
    assert status == verdict, out + err
    assert no_secret_below(tmp_path)


@pytest.mark.slow
def test_one_that_battle_starts(tmp_path):
    (tmp_path / "mine.toml").write_text(GATEWAY)
    status, out, err = battle(tmp_path, "init", "--gateway", "mine.toml")
    assert (status, err) == (0, "")
    assert "/rpc/v1: chain 1" in out
    assert "/stream" in out
    assert "add to" not in out
    shorten(tmp_path / "first_battle.toml")
    status, out, err = battle(tmp_path, "run", "first_battle.toml", "--gateway", "mine.toml", "--quiet")
    assert status == 0, out + err
    assert no_secret_below(tmp_path)


def test_a_path_that_is_missing_is_asked_for_and_files_are_kept(tmp_path):
    (tmp_path / "mine.toml").write_text(GATEWAY.replace('path = "/rpc/v1"\n', "", 1))
    status, _, err = battle(tmp_path, "init", "--gateway", "mine.toml")
    assert status == 2
    assert 'no JSON-RPC is answered there: write its path in mine.toml, such as path = "/rpc"' in err
    assert err.count("\n") == 1
    assert battle(tmp_path, "init")[0] == 0
    status, _, err = battle(tmp_path, "init")
    assert (status, err) == (
        2,
        "battle: first_battle.toml is there already: move it away, or use --force\n",
    )


def test_a_secret_in_a_url_is_written_as_the_name_that_it_was_given_by(tmp_path, monkeypatch):
    monkeypatch.setenv("GATEWAY_KEY", "hunter7")
    refused = b'{"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"hunter7 reaches no upstream"}}'
    with served(answer=lambda received: Reply(200, refused)) as service:
        url = service.url.replace("://", "://me:${GATEWAY_KEY}@") + "/rpc/${GATEWAY_KEY}"
        port = str(consecutive(3))
        status, out, err = battle(tmp_path, "init", "--gateway", url, "--port", port)
        sent = {received.headers.get("authorization") for received in service.received}
    assert (status, err, sent) == (0, "", {basic_authorization("http://me:hunter7@h")})
    text = (tmp_path / "gateway.toml").read_text()
    assert f'url = "{url}"' in text
    assert "*** reaches no upstream" in text
    assert "hunter7" not in text + out


def test_a_ca_file_that_is_not_there_is_a_sentence(tmp_path):
    (tmp_path / "mine.toml").write_text('type = "url"\nurl = "https://127.0.0.1:1/"\nca_file = "ca.pem"\n')
    status, _, err = battle(tmp_path, "init", "--gateway", "mine.toml", "--port", str(consecutive(3)))
    assert status == 2
    assert "ca.pem cannot be read: No such file" in err
    assert err.count("\n") == 1
