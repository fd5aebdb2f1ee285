"""Faults as annotations of Grafana, at a server that behaves as its API does."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from battle.analysis.reports.files import read_report, render
from battle.cli.app import run_command_line
from tests.battle.histories import S, fault, phases, write_run

TOKEN = "pl4nted-token"


@contextmanager
def grafana(*statuses):
    """Keeps annotations, finds those that have all tags, asks for the token; `statuses` come first."""
    annotations, first = [], list(statuses)

    class Handler(BaseHTTPRequestHandler):
        def answer(self, status, body):
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def allowed(self):
            if first:
                self.answer(first.pop(0), {"message": f"no, {self.headers['authorization']}"})
            elif self.headers["authorization"] != f"Bearer {TOKEN}":
                self.answer(401, {"message": "Unauthorized"})
            else:
                return True
            return False

        def do_GET(self):
            query = parse_qs(urlsplit(self.path).query)
            if self.allowed():
                limit = int(query.get("limit", ["100"])[0])
                found = [one for one in annotations if set(query["tags"]) <= set(one["tags"])]
                self.answer(200, found[:limit])

        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.allowed():
                annotations.append(json.loads(body))
                self.answer(200, {"message": "Annotation added", "id": len(annotations)})

        def log_message(self, *arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", annotations
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory):
    faults = [
        *fault("kill-a.1", 3 * S, 5 * S),
        *fault("kill-a.2", 6 * S, 7 * S),
        *fault("never.1", None, None),
    ]
    made = write_run(tmp_path_factory.mktemp("grafana") / "run", {"coordinator": [*phases(), *faults]})
    (made / "report.json").write_text(render(read_report(made), "json"))
    return made


@pytest.fixture(autouse=True)
def token(monkeypatch):
    monkeypatch.setenv("GRAFANA_TOKEN", TOKEN)


def test_each_fault_is_annotated_once_however_often_it_is_exported(run_dir):
    with grafana() as (url, annotations):
        for _ in range(2):
            assert run_command_line(["export", str(run_dir), "--grafana", url]) == 0
    assert [(one["time"], one["timeEnd"]) for one in annotations] == [
        (1_767_323_048_000, 1_767_323_050_000),
        (1_767_323_051_000, 1_767_323_052_000),
    ]
    assert annotations[0]["tags"] == ["battle", "run:scripted", "fault:kill-a.1", "kind:kill", "target:a"]
    assert annotations[0]["text"] == "kill a"


def test_what_is_missing_is_added(run_dir):
    with grafana() as (url, annotations):
        assert run_command_line(["export", str(run_dir), "--grafana", url]) == 0
        del annotations[0]
        assert run_command_line(["export", str(run_dir), "--grafana", url]) == 0
        assert sorted(one["time"] for one in annotations) == [1_767_323_048_000, 1_767_323_051_000]


def test_annotations_of_another_run_are_none_of_this_one(run_dir):
    with grafana() as (url, annotations):
        annotations.append({"tags": ["battle", "run:other", "fault:kill-a.1"]})
        assert run_command_line(["export", str(run_dir), "--grafana", url]) == 0
        assert len(annotations) == 3


def test_a_refusal_is_reported_without_the_token(run_dir, capsys):
    with grafana(403) as (url, _annotations):
        assert run_command_line(["export", str(run_dir), "--grafana", url]) == 2
    shown = "".join(capsys.readouterr())
    assert "2 faults could not be annotated" in shown
    assert "403" in shown
    assert TOKEN not in shown
