"""Live runs with faults, monitored: what the receivers have at the end is what the log has.

`make monitoring-test` runs those with a real OpenTelemetry collector and a real Prometheus; the others need neither.
"""

import contextlib
import json
import math
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

import httpx
import psutil
import pytest

from battle.analysis.findings import EXIT_STATUS
from battle.monitoring.distribution import BOUNDS_S
from tests.battle.monitoring.receiver import otlp_receiver
from tests.end_to_end.battles import ask

SCENARIO = """
from battle import Breaker, EmbeddedGateway, ErrorRate, HttpConstant, Kill, MockProvider, Scenario, Slo, ms, seconds

scenario = Scenario(
    "Monitored",
    providers=[MockProvider("a", latency=ms(5)), MockProvider("b", latency=ms(10))],
    gateway=EmbeddedGateway(strategy="priority", breaker=Breaker(open_for=ms(500))),
    workloads=[HttpConstant({"eth_blockNumber": 2, "eth_getBalance": 1}, rate=80, duration=seconds(7))],
    chaos=[
        Kill("a", at=seconds(1), down=seconds(1)),
        ErrorRate("a", at=seconds(5), duration=seconds(1), ratio=0.5),
    ],
    slo=Slo(success_rate=0.5),
)
"""
SECRETS = {"OTEL_EXPORTER_OTLP_HEADERS": "api-key=pl4nted-key", "GRAFANA_TOKEN": "pl4nted-token"}
DEADLINE_SECONDS = 90


def environment():
    return {**os.environ, **SECRETS}


@contextlib.contextmanager
def battle(tmp_path, *options):
    """`battle run` with these options, started."""
    (tmp_path / "monitored.py").write_text(SCENARIO)
    with (tmp_path / "stderr").open("wb") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", "battle", "run", "monitored.py", "--out", "out", *options],
            cwd=tmp_path,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        process.stdout.close()


def eventually(condition, what):
    """The first true answer; a condition that stays false for a while fails."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not (found := condition()):
        assert time.monotonic() < deadline, what
        os.sched_yield()
    return found


def run_of(tmp_path):
    return (tmp_path / "out" / "latest").resolve()


def below(process):
    return list(psutil.Process(process.pid).children(recursive=True))


def check_counts(received, run_dir):
    for metric, table, labels in [
        ("battle.requests", "requests", ("method", "outcome", "answer")),
        ("battle.attempts", "attempts", ("provider", "outcome")),
        ("battle.gateway.attempts", "gateway_attempts", ("provider", "outcome", "reason")),
    ]:
        names = ", ".join(labels)
        rows = ask(run_dir, f"SELECT {names}, count(*) FROM {table} GROUP BY ALL")
        assert received.sums(metric, *labels) == {tuple(labels): count for *labels, count in rows}, metric


def check_p99(received, run_dir):
    [(p99_ns,)] = ask(run_dir, "SELECT quantile_disc(ended_ns - scheduled_ns, 0.99) FROM requests")
    total, buckets = received.histogram("battle.request.duration")
    below_it, bounds = 0, {place: 2 ** ((place[1] + 1) / 2 ** place[0]) for place in buckets}
    for place in sorted(buckets, key=bounds.__getitem__):
        below_it += buckets[place]
        if below_it >= math.ceil(0.99 * total):
            width = 2 ** (2 ** -place[0])
            assert bounds[place] / width**2 <= p99_ns / 1e9 <= bounds[place] * width
            return
    raise AssertionError("no p99")


def check_spans(received, run_dir):
    spans = list(received.spans())
    ids = {span.span_id for _, span, _ in spans}
    assert len(ids) == len(spans)
    assert all(
        span.parent_span_id in ids for service, span, _ in spans if service not in ("client", "faults")
    )
    for service, table in (
        ("client", "requests"),
        ("gateway", "gateway_attempts WHERE request_id IS NOT NULL"),
    ):
        [(rows,)] = ask(run_dir, f"SELECT count(*) FROM {table}")
        assert sum(of == service for of, _, _ in spans) == rows
    assert sum(of == "faults" for of, _, _ in spans) == 2


def written(tmp_path):
    return b"".join(
        path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and not path.is_symlink()
    )


def check_no_secret(tmp_path, *texts):
    assert b"pl4nted" not in written(tmp_path)
    assert not any("pl4nted" in text for text in texts)


@pytest.mark.live
def test_what_a_live_run_sends_is_what_its_log_has_and_exporting_it_again_sends_the_same(tmp_path):
    with (
        otlp_receiver() as received,
        battle(tmp_path, "--otlp", received.url, "--trace-share", "1") as process,
    ):
        lines = set()
        while process.poll() is None:
            with contextlib.suppress(psutil.Error):
                lines |= {" ".join(child.cmdline()) for child in below(process)}
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.2)
        out, _ = process.communicate()
        run_dir = run_of(tmp_path)
        check_counts(received, run_dir)
        check_p99(received, run_dir)
        check_spans(received, run_dir)
        verdict = json.loads((run_dir / "report.json").read_text())["verdict"]
        assert process.returncode == EXIT_STATUS[verdict]
        assert received.last("battle.verdict", "verdict")[verdict,] == 1
        assert any("battle.monitoring" in line for line in lines)
        assert received.headers[0]["api-key"] == "pl4nted-key"
        check_no_secret(tmp_path, out, *lines)
        assert received.url not in "".join(line for line in lines if "battle.monitoring" in line)
    with otlp_receiver() as again:
        command = [
            sys.executable,
            "-m",
            "battle",
            "export",
            str(run_dir),
            "--otlp",
            again.url,
            "--trace-share",
            "1",
        ]
        subprocess.run(command, check=True, env=environment(), cwd=tmp_path)
    for metric in ("battle.requests", "battle.attempts", "battle.gateway.attempts"):
        assert again.sums(metric, "outcome") == received.sums(metric, "outcome")
    assert ids_of(again) == ids_of(received)


def ids_of(received):
    return {
        (service, span.trace_id, span.span_id, span.parent_span_id) for service, span, _ in received.spans()
    }


@pytest.mark.live
@pytest.mark.slow
@pytest.mark.parametrize("stopped", [True, False], ids=["stopped", "away"])
def test_a_receiver_that_does_not_answer_changes_neither_verdict_nor_exit_status(tmp_path, stopped):
    with socket.create_server(("127.0.0.1", 0), backlog=16) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        if not stopped:
            listener.close()
        with battle(tmp_path, "--otlp", url) as process:
            out, _ = process.communicate(timeout=DEADLINE_SECONDS)
    assert process.returncode == 0, (tmp_path / "stderr").read_text()
    assert out.startswith("PASS")
    stderr = (tmp_path / "stderr").read_text()
    assert re.search(r"battle: warning: \d+ windows? of metrics could not be delivered to http://127", stderr)
    check_no_secret(tmp_path, out)


@pytest.mark.live
@pytest.mark.slow
def test_ctrl_c_in_any_phase_leaves_no_process(tmp_path):
    with battle(tmp_path, "--prometheus", "0") as process:
        stderr = tmp_path / "stderr"
        url = eventually(lambda: re.search(r"http://127\S+", stderr.read_text()), "no address")[0]
        children = eventually(lambda: below(process), "no children")
        eventually(lambda: "battle_requests_total" in httpx.get(url).text, "no request was counted")
        process.send_signal(signal.SIGINT)  # the load: the run ends early, and is judged
        eventually(lambda: "the last metrics stay" in stderr.read_text(), "it did not wait to be scraped")
        process.send_signal(signal.SIGINT)  # the wait: it ends, and the result stays
        out, _ = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "reports" in out
    eventually(lambda: not [child for child in children if child.is_running()], f"left: {children}")


@pytest.mark.live
def test_a_simulated_run_is_exported_too(tmp_path):
    with (
        otlp_receiver() as received,
        battle(tmp_path, "--otlp", received.url, "--world", "simulated") as process,
    ):
        process.communicate(timeout=DEADLINE_SECONDS)
        check_counts(received, run_of(tmp_path))


# With the real receivers


def unused_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@contextlib.contextmanager
def running(command, tmp_path):
    with (tmp_path / "program.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=tmp_path)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGCONT)
        process.terminate()
        process.wait(20)


@contextlib.contextmanager
def collector(tmp_path, to):
    """A real collector that receives OTLP over HTTP, and passes it on. Gives its address and the process."""
    port = unused_port()
    described = {
        "receivers": {"otlp": {"protocols": {"http": {"endpoint": f"127.0.0.1:{port}"}}}},
        "exporters": {"otlphttp": {"endpoint": to, "tls": {"insecure": True}}},
        "service": {
            "telemetry": {"metrics": {"level": "none"}},
            "pipelines": {
                kind: {"receivers": ["otlp"], "exporters": ["otlphttp"]} for kind in ("metrics", "traces")
            },
        },
    }
    (tmp_path / "collector.json").write_text(json.dumps(described))
    program = os.environ["BATTLE_OTELCOL"]
    with running([program, "--config", f"file:{tmp_path / 'collector.json'}"], tmp_path) as process:
        eventually(lambda: listens(port), "the collector does not listen")
        yield f"http://127.0.0.1:{port}", process


def listens(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


@pytest.mark.live
@pytest.mark.slow
@pytest.mark.programs
def test_a_real_collector_has_the_figures_of_the_log(tmp_path):
    (tmp_path / "collector").mkdir()
    with otlp_receiver() as received, collector(tmp_path / "collector", received.url) as (url, _):
        with battle(tmp_path, "--otlp", url, "--trace-share", "1") as process:
            process.communicate(timeout=DEADLINE_SECONDS)
        run_dir = run_of(tmp_path)
        [(requests,)] = ask(run_dir, "SELECT count(*) FROM requests")
        eventually(
            lambda: sum(received.sums("battle.requests").values()) >= requests, "not all requests came"
        )
        eventually(lambda: received.last("battle.verdict", "verdict"), "no verdict came")
        check_counts(received, run_dir)
        check_p99(received, run_dir)
        check_spans(received, run_dir)
    check_no_secret(tmp_path)


@pytest.mark.live
@pytest.mark.slow
@pytest.mark.programs
def test_a_real_collector_that_is_stopped_changes_no_verdict(tmp_path):
    (tmp_path / "collector").mkdir()
    with otlp_receiver() as received, collector(tmp_path / "collector", received.url) as (url, program):
        program.send_signal(signal.SIGSTOP)
        with battle(tmp_path, "--otlp", url) as process:
            out, _ = process.communicate(timeout=DEADLINE_SECONDS)
    assert (process.returncode, out[:4]) == (0, "PASS")
    assert "could not be delivered" in (tmp_path / "stderr").read_text()


@contextlib.contextmanager
def prometheus(tmp_path, targets="[]"):
    """A real Prometheus that scrapes once a second what is in its file of targets. Gives its address and the file."""
    port, found = unused_port(), tmp_path / "targets.json"
    found.write_text(targets)
    (tmp_path / "prometheus.yml").write_text(
        "global: {scrape_interval: 1s}\n"
        "scrape_configs: [{job_name: battle, file_sd_configs: [{files: [targets.json], refresh_interval: 1s}]}]\n"
    )
    command = [
        shutil.which("prometheus"),
        "--config.file=prometheus.yml",
        "--storage.tsdb.path=data",
        f"--web.listen-address=127.0.0.1:{port}",
        "--web.enable-remote-write-receiver",
    ]
    with running(command, tmp_path):
        url = f"http://127.0.0.1:{port}"
        eventually(lambda: listens(port) and httpx.get(f"{url}/-/ready").status_code == 200, "not ready")
        yield url, found


def asked(url, query, at=None):
    parameters = {"query": query} if at is None else {"query": query, "time": at}
    answer = httpx.get(f"{url}/api/v1/query", params=parameters).json()
    assert answer["status"] == "success", answer
    return {tuple(sorted(one["metric"].items())): float(one["value"][1]) for one in answer["data"]["result"]}


def check_prometheus(url, run_dir, at=None):
    rows = ask(run_dir, "SELECT outcome, count(*) FROM requests GROUP BY ALL")
    counts = asked(url, "sum by (outcome) (battle_requests_total)", at)
    assert counts == {(("outcome", outcome),): count for outcome, count in rows}
    rows = ask(run_dir, "SELECT provider, outcome, count(*) FROM gateway_attempts GROUP BY ALL")
    counts = asked(url, "sum by (provider, outcome) (battle_gateway_attempts_total)", at)
    assert counts == {(("outcome", outcome), ("provider", name)): count for name, outcome, count in rows}
    [p99_s] = asked(
        url, "histogram_quantile(0.99, sum by (le) (battle_request_duration_seconds_bucket))", at
    ).values()
    [(p99_ns,)] = ask(run_dir, "SELECT quantile_disc(ended_ns - scheduled_ns, 0.99) FROM requests")
    place = next(place for place, bound in enumerate(BOUNDS_S) if p99_ns / 1e9 <= bound)
    assert (BOUNDS_S[place - 2] if place > 1 else 0) <= p99_s <= BOUNDS_S[place + 1]


@pytest.mark.live
@pytest.mark.slow
@pytest.mark.programs
def test_a_real_prometheus_has_the_figures_of_the_log(tmp_path):
    (tmp_path / "prometheus").mkdir()
    with (
        prometheus(tmp_path / "prometheus") as (url, targets),
        battle(tmp_path, "--prometheus", "0") as process,
    ):
        stderr = tmp_path / "stderr"
        address = eventually(lambda: re.search(r"http://(127\S+)/metrics", stderr.read_text()), "no address")[
            1
        ]
        (tmp_path / "next").write_text(json.dumps([{"targets": [address]}]))
        (tmp_path / "next").rename(targets)
        active = 'max_over_time(battle_faults_active{kind="kill"}[1m]) == 1'
        eventually(lambda: asked(url, active), "the fault was never seen")
        process.communicate(timeout=DEADLINE_SECONDS)
        run_dir = run_of(tmp_path)
        verdict = json.loads((run_dir / "report.json").read_text())["verdict"]
        last = eventually(
            lambda: asked(url, f'last_over_time(battle_verdict{{verdict="{verdict}"}}[1m])'),
            "no verdict was scraped",
        )
        assert list(last.values()) == [1]
        check_prometheus(url, run_dir, _last_scrape(url))  # its series are stale by now
    check_no_secret(tmp_path)


def _last_scrape(url):
    answer = httpx.get(f"{url}/api/v1/query", params={"query": "battle_verdict[2m]"}).json()
    return max(float(at) for one in answer["data"]["result"] for at, _ in one["values"])


@pytest.mark.live
@pytest.mark.slow
@pytest.mark.programs
def test_remote_write_to_a_real_prometheus(tmp_path):
    (tmp_path / "prometheus").mkdir()
    with prometheus(tmp_path / "prometheus") as (url, _):
        with battle(tmp_path) as process:
            process.communicate(timeout=DEADLINE_SECONDS)
        run_dir = run_of(tmp_path)
        command = [sys.executable, "-m", "battle", "export", str(run_dir), "--prometheus-remote-write"]
        subprocess.run([*command, f"{url}/api/v1/write"], check=True, env=environment(), cwd=tmp_path)
        check_prometheus(url, run_dir, _last_scrape(url))
        labels = asked(url, "count by (job, instance) (battle_requests_total)", _last_scrape(url))
        assert list(labels) == [(("instance", run_dir.name), ("job", "battle"))]
