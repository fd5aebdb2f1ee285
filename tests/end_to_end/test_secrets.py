"""Credentials and keys in a gateway's URL: they reach the gateway, and stand nowhere else."""

import contextlib
import re
import socket
import subprocess
import sys
import threading

import duckdb
import psutil
import pytest

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

PASSWORD, KEY, TOKEN = "hunter2/hunter2", "0123456789abcdef0123456789abcdef", "t0psecret"
SECRETS = ("hunter2", KEY, TOKEN)


@contextlib.contextmanager
def gateway():
    """A gateway that answers nothing but 401, and keeps the head of each request. Gives its port and the heads."""
    heads = []
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            with client, contextlib.suppress(OSError):
                client.settimeout(5)
                if head := client.recv(65536):
                    heads.append(head.decode())
                    client.sendall(b"HTTP/1.1 401 no\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listener.getsockname()[1], heads
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def scenario(port):
    url = f"127.0.0.1:{port}/v3/{KEY}?token={TOKEN}"
    password = PASSWORD.replace("/", "%2F")
    return Scenario(
        "secrets",
        providers=[MockProvider("a")],
        gateway=UrlGateway(f"http://anna:{password}@{url}", ws_url=f"ws://anna:{password}@{url}"),
        workloads=[
            HttpConstant("eth_blockNumber", rate=10, duration=seconds(1)),
            WsSubscribe(connections=1, duration=seconds(2), name="heads"),
        ],
        slo=Slo(success_rate=0.9),
    )


@pytest.mark.live
def test_secrets_are_sent_and_stand_nowhere_else(tmp_path, capsys):
    with gateway() as (port, heads):
        result = run_scenario(scenario(port), out=tmp_path)
        run_dir = str(result.run_dir)
        assert run_command_line(["sql", run_dir, "SELECT document FROM run"]) == 0
        assert run_command_line(["report", run_dir]) == 0
        assert run_command_line(["run", f"http://anna:{PASSWORD}@127.0.0.1:{port}/{KEY}"]) == 2
    assert any(head.startswith(f"POST /v3/{KEY}?token={TOKEN} ") for head in heads)
    assert any(head.startswith(f"GET /v3/{KEY}?token={TOKEN} ") for head in heads)
    sent = {tuple(re.findall("authorization: (.*)\r", head)) for head in heads}
    assert sent == {("Basic YW5uYTpodW50ZXIyL2h1bnRlcjI=",)}
    said = capsys.readouterr()
    for secret in SECRETS:
        assert secret not in said.out + said.err
        for file in result.run_dir.rglob("*"):
            assert not file.is_file() or secret.encode() not in file.read_bytes(), file
        for table in result.run_dir.glob("events/*.parquet"):
            assert secret not in str(duckdb.sql(f"FROM '{table}'").fetchall())


def test_an_error_about_a_url_keeps_its_secrets(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(StartError, match=r"nothing answers at http://\*\*\*@127") as caught:
        run_scenario(scenario(port), out=tmp_path)
    assert not any(secret in str(caught.value) for secret in SECRETS)


def test_a_process_list_keeps_them(tmp_path):
    code = (
        "import sys; from battle.cli.app import run_command_line; "
        "run_command_line(sys.argv[1:]); print('there', flush=True); sys.stdin.read()"
    )
    url = f"http://anna:hunter2@[::1]:1/{KEY}"
    command = [sys.executable, "-c", code, "list", "--gateway", url]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL) as program:
        assert program.stdout.readline() == b"there\n"
        shown = " ".join(psutil.Process(program.pid).cmdline())
        program.stdin.close()
    assert "***@[::1]:1/***" in shown
    assert "hunter2" not in shown
