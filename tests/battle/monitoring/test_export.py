"""A run that is over, exported to a receiver of OpenTelemetry: what arrives is what the log has."""

import math
import os
import socket

import pytest

from battle.analysis.reports.files import read_report, render
from battle.cli.app import run_command_line
from battle.errors import BattleError
from battle.monitoring import otlp
from battle.monitoring.catalog import INSTRUMENTS
from battle.monitoring.export import export_finished, identity_of, take_finished
from battle.monitoring.settings import Settings, check
from battle.store.database import open_run
from battle.store.events import Event
from tests.battle.histories import (
    MS,
    S,
    breaker,
    failed,
    fault,
    phases,
    request,
    sample,
    served,
    tried,
    write_run,
)
from tests.battle.monitoring.receiver import otlp_receiver

EPOCH_NS = 1_767_323_045 * 10**9
"""2026-01-02T03:04:05Z, when the scripted run began."""


def script(requests=400):
    """Twelve seconds, in which provider a dies, and requests fail over or fail."""
    load: list[Event] = []
    gateway: list[Event] = []
    a, b = [], []
    for number in range(requests):
        at = number * 12 * S // requests
        took = (5 + number % 90) * MS
        if 3 * S <= at < 4 * S:
            gateway.append(tried(number, "a", at + MS, at + 2 * MS, "error"))
            gateway.append(tried(number, "b", at + 2 * MS, at + took - MS, attempt=2))
            b.append(served(number, "b", at + 3 * MS, took - 4 * MS))
            load.append(request(number, at, took))
        elif 4 * S <= at < 4.5 * S:
            gateway.append(tried(number, "a", at + MS, at + 2 * MS, "error"))
            load.append(failed(number, at, took))
        else:
            gateway.append(tried(number, "a", at + MS, at + took - MS))
            a.append(served(number, "a", at + 2 * MS, took - 4 * MS))
            load.append(request(number, at, took))
    load.append(sample(12 * S, requests, lateness_p99_ns=3 * MS))
    gateway += [breaker(3 * S, "closed", "open"), breaker(5 * S, "open", "half_open")]
    return {
        "coordinator": [*phases(end_ns=13 * S), *fault("kill-a.1", 3 * S, 5 * S)],
        "load-load.0": load,
        "gateway": gateway,
        "a": a,
        "b": b,
    }


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory):
    made = write_run(tmp_path_factory.mktemp("export") / "run", script(), slo={"success_rate": 0.9})
    (made / "report.json").write_text(render(read_report(made), "json"))
    return made


@pytest.fixture(scope="module")
def exported(run_dir):
    with otlp_receiver() as received:
        pipeline, lost = export_finished(run_dir, Settings(otlp=received.url, trace_share=1.0))
        assert lost == []
        yield received, pipeline


def asked(run_dir, sql):
    with open_run(run_dir) as run:
        return run.execute(sql).rows


def test_counts_are_those_of_the_log(run_dir, exported):
    received, _ = exported
    for metric, table, labels in [
        ("battle.requests", "requests", ("workload", "outcome", "answer")),
        ("battle.attempts", "attempts", ("provider", "outcome")),
        ("battle.gateway.attempts", "gateway_attempts", ("provider", "outcome", "reason")),
    ]:
        names = ", ".join(labels)
        rows = asked(run_dir, f"SELECT {names}, count(*) FROM {table} GROUP BY ALL")
        assert received.sums(metric, *labels) == {tuple(labels): count for *labels, count in rows}


def test_counts_are_deltas_of_windows_that_follow_one_another(exported):
    received, _ = exported
    spans = {
        (point.start_time_unix_nano - EPOCH_NS, point.time_unix_nano - EPOCH_NS)
        for _, point in received.points("battle.requests")
    }
    assert sorted(spans)[:2] == [(0, 5 * S), (5 * S, 10 * S)]
    for one in received.metrics:
        for metric in one.resource_metrics[0].scope_metrics[0].metrics:
            kind = metric.WhichOneof("data")
            assert kind in ("sum", "exponential_histogram", "gauge")
            if kind != "gauge":
                assert getattr(metric, kind).aggregation_temporality == 1  # delta


def test_the_p99_is_within_one_bucket_of_the_logs(run_dir, exported):
    received, _ = exported
    [(p99_ns,)] = asked(run_dir, "SELECT quantile_disc(ended_ns - scheduled_ns, 0.99) FROM requests")
    total, buckets = received.histogram("battle.request.duration")
    [(requests,)] = asked(run_dir, "SELECT count(*) FROM requests")
    assert total == requests
    below = 0
    for (scale, index), count in sorted(
        buckets.items(), key=lambda item: 2 ** ((item[0][1] + 1) / 2 ** item[0][0])
    ):
        below += count
        if below >= math.ceil(0.99 * total):
            base = 2 ** (2**-scale)
            assert base ** (index - 1) <= p99_ns / 1e9 <= base ** (index + 2)
            return
    raise AssertionError("no p99")


def test_spans_nest_and_are_of_the_right_services(exported):
    received, _ = exported
    spans = list(received.spans())
    by_id = {span.span_id: (service, span) for service, span, _ in spans}
    assert len(by_id) == len(spans)
    services = {service for service, _, _ in spans}
    assert services == {"client", "gateway", "provider-a", "provider-b", "faults"}
    for service, span, _ in spans:
        if service in ("client", "faults"):
            assert not span.parent_span_id
            continue
        parent_service, parent = by_id[span.parent_span_id]
        assert parent_service == ("client" if service == "gateway" else "gateway")
        assert parent.trace_id == span.trace_id
        assert parent.start_time_unix_nano <= span.start_time_unix_nano
        assert span.end_time_unix_nano <= parent.end_time_unix_nano


def test_a_fault_is_a_span_with_the_time_it_was_in_force(exported):
    received, _ = exported
    [(span, attributes)] = [(span, of) for service, span, of in received.spans() if service == "faults"]
    assert span.name == "kill"
    assert span.start_time_unix_nano == EPOCH_NS + 3 * S
    assert span.end_time_unix_nano == EPOCH_NS + 5 * S
    assert attributes["battle.fault_id"] == "kill-a.1"


def test_gauges_and_results_are_there(exported):
    received, _ = exported
    assert received.last("battle.faults.active", "fault") == {("kill-a.1",): 0}
    assert max(point.as_double for _, point in received.points("battle.faults.active")) == 1
    assert received.last("battle.breaker.state", "provider") == {("a",): 1}
    assert received.last("battle.generator.lateness", "quantile") == {("0.99",): 0.003}
    assert received.last("battle.slo.met", "slo") == {("success_rate",): 1}
    assert received.last("battle.slo.target", "slo") == {("success_rate",): 0.9}
    verdicts = received.last("battle.verdict", "verdict")
    assert sorted(verdicts.values()) == [0, 0, 1]


def test_no_metric_has_a_label_that_grows_with_the_run(exported):
    received, _ = exported
    names = {instrument.name: set(instrument.labels) | {"scenario"} for instrument in INSTRUMENTS}
    for request_ in received.metrics:
        for metric in request_.resource_metrics[0].scope_metrics[0].metrics:
            assert {labels for of, _ in received.points(metric.name) for labels in of} <= names[metric.name]
    assert "request_id" not in {label for labels in names.values() for label in labels}


def test_exporting_again_gives_the_same(run_dir, exported):
    received, _ = exported
    with otlp_receiver() as again:
        export_finished(run_dir, Settings(otlp=again.url, trace_share=1.0))
    assert sorted(map(bytes_of, again.metrics)) == sorted(map(bytes_of, received.metrics))
    assert {span.span_id for _, span, _ in again.spans()} == {span.span_id for _, span, _ in received.spans()}


def bytes_of(message):
    return message.SerializeToString(deterministic=True)


def test_a_share_of_the_traces_keeps_all_metrics_and_all_failed_ones(run_dir, exported):
    whole, _ = exported
    with otlp_receiver() as received:
        export_finished(run_dir, Settings(otlp=received.url, trace_share=0.25))
    assert received.sums("battle.requests", "outcome") == whole.sums("battle.requests", "outcome")
    roots = [of for service, _, of in received.spans() if service == "client"]
    weighted = sum(1 / of["battle.sampling.share"] for of in roots)
    assert (
        sum(of["battle.outcome"] == "error" for of in roots)
        == whole.sums("battle.requests", "outcome")["error",]
    )
    assert len(roots) < 200
    assert abs(weighted - 400) < 100
    resource = received.traces[0].resource_spans[0].resource
    assert {pair.key for pair in resource.attributes} >= {
        "service.name",
        "battle.sampling.share",
        "battle.run_id",
    }


def test_a_receiver_that_refuses_for_a_moment_gets_everything(run_dir):
    with otlp_receiver() as received:
        received.statuses = [503]
        _, lost = export_finished(run_dir, Settings(otlp=received.url, trace_share=1.0))
        assert lost == []
        assert sum(received.sums("battle.requests").values()) == 400


def test_a_receiver_that_is_not_there_is_named_with_what_was_lost(run_dir, monkeypatch):
    monkeypatch.setattr(otlp, "REQUEST_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    _, lost = export_finished(run_dir, Settings(otlp=f"http://127.0.0.1:{port}"))
    assert any("of metrics could not be delivered" in sentence for sentence in lost)
    assert all(f"127.0.0.1:{port}" in sentence for sentence in lost)
    _, lost = export_finished(run_dir, Settings(otlp=f"http://anna:pl4nted@127.0.0.1:{port}"))
    assert "pl4nted" not in "".join(lost)  # these sentences are also printed as they are


def test_the_command_ends_with_2_when_something_was_not_delivered(run_dir, monkeypatch, capsys):
    with otlp_receiver() as received:
        received.statuses = [401] * 100
        assert run_command_line(["export", str(run_dir), "--otlp", received.url]) == 2
    assert "HTTP 401" in capsys.readouterr().err


def test_keys_of_the_receiver_come_from_the_environment_and_are_shown_nowhere(run_dir, monkeypatch, capsys):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "api-key=pl4nted-header")
    with otlp_receiver() as received:
        received.statuses = [500] * 100
        url = (
            received.url.replace("http://", "http://anna:pl4nted-password@")
            + "/0123456789abcdef0123456789abcdef"
        )
        assert run_command_line(["export", str(run_dir), "--otlp", url]) == 2
        assert received.headers[0]["api-key"] == "pl4nted-header"
    shown = "".join(capsys.readouterr())
    assert "could not be delivered to http://***@127.0.0.1" in shown
    assert "pl4nted" not in shown
    assert "0123456789abcdef" not in shown
    for path in run_dir.rglob("*"):
        assert path.is_dir() or b"pl4nted" not in path.read_bytes()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (Settings(otlp="localhost:4318"), "--otlp takes a URL"),
        (Settings(grafana="ftp://x"), "--grafana takes a URL"),
        (Settings(remote_write="http://"), "--prometheus-remote-write takes a URL"),
        (Settings(prometheus="70000"), "--prometheus takes PORT"),
        (Settings(prometheus=":1"), "--prometheus takes PORT"),
        (Settings(otlp="http://x", trace_share=0), "--trace-share"),
        (Settings(grafana="http://localhost"), "GRAFANA_TOKEN is not set"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_starts(settings, said, monkeypatch):
    monkeypatch.delenv("GRAFANA_TOKEN", raising=False)
    with pytest.raises(BattleError, match=said):
        check(settings)


def test_without_the_libraries_one_sentence_says_what_to_install(run_dir, monkeypatch):
    import importlib.util

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(BattleError, match=r"exporting needs opentelemetry.*install Battle with its extra"):
        check(Settings(otlp="http://localhost:4318"))


def test_nowhere_to_export_to_is_wrong_use(run_dir, capsys):
    assert run_command_line(["export", str(run_dir)]) == 2
    assert "say where to" in capsys.readouterr().err


def test_a_log_that_was_neither_sealed_nor_reported_is_exported_without_a_verdict(tmp_path, capsys):
    run_dir = write_run(tmp_path / "run", script(40), sealed=False)
    with otlp_receiver() as received:
        export_finished(run_dir, Settings(otlp=received.url))
    assert sum(received.sums("battle.requests").values()) == 40
    assert received.last("battle.verdict", "verdict") == {}
    assert "is not sealed: the run goes on, or was ended by force" in capsys.readouterr().err
    (run_dir / "report.json").write_text(render(read_report(run_dir), "json"))
    with otlp_receiver() as again:
        export_finished(run_dir, Settings(otlp=again.url))
    assert sum(again.last("battle.verdict", "verdict").values()) == 1


def test_what_is_printed_is_what_is_sent(run_dir, exported, capsys):
    received, _ = exported
    assert run_command_line(["export", str(run_dir), "--format", "prometheus"]) == 0
    printed = capsys.readouterr().out
    [line] = [
        line
        for line in printed.splitlines()
        if line.startswith("battle_requests_total{") and 'outcome="error"' in line
    ]
    assert float(line.split()[-1]) == received.sums("battle.requests", "outcome")["error",]
    assert run_command_line(["export", str(run_dir), "--format", "json"]) == 0
    assert '"battle_verdict"' in capsys.readouterr().out


def test_a_run_that_does_not_say_when_it_began_is_refused(tmp_path):
    run_dir = write_run(tmp_path / "run", script(4), started_at="yesterday")
    with pytest.raises(BattleError, match="does not say when the run began"):
        identity_of(run_dir)


def test_a_slow_receiver_costs_spans_and_no_count(monkeypatch):
    """Windows are added up while they wait; spans beyond the bound are dropped, and said to be."""
    from battle.monitoring.catalog import REQUESTS
    from battle.monitoring.recorder import ClosedWindow, Window
    from battle.monitoring.spans import Sampling, SpanBuilder

    monkeypatch.setattr(otlp, "SPANS_WAITING_MAX", 10)
    monkeypatch.setattr(otlp, "REQUEST_SECONDS", 0.5)
    builder = SpanBuilder("run", Sampling(1.0))
    for number in range(100):
        builder.take(request(number))
    spans = builder.finish(S)
    listener = socket.create_server(("127.0.0.1", 0), backlog=16)  # accepts, and never answers
    sink = otlp.OtlpSink(
        f"http://127.0.0.1:{listener.getsockname()[1]}",
        otlp.Origin("run", "s", "live", EPOCH_NS, 1.0),
        patient=False,
        end_seconds=0.3,
    )
    series = REQUESTS, ("w", "m", "ok", "right", "")
    for number in range(50):
        sink.window(ClosedWindow(number, number + 1, Window({series: 1})), Window())
    sink.spans(spans)
    lost = sink.finish()
    listener.close()
    assert any("of 100 spans could not be delivered" in sentence for sentence in lost)
    assert any("of metrics could not be delivered" in sentence for sentence in lost)
    assert os.getpid()  # nothing waited for ever


def test_events_come_in_the_order_in_which_they_were_logged(run_dir):
    from battle.monitoring.figures import moment_of
    from battle.monitoring.finished import finished_events

    moments = [moment_of(event) for _, event in finished_events(run_dir)]
    assert moments == sorted(moments)
    assert len(moments) > 1000
    only = list(finished_events(run_dir, ["gateway.1"]))
    assert {segment for segment, _ in only} == {"gateway.1"}


def test_memory_of_the_pipeline_does_not_grow_with_the_run(run_dir):
    from battle.monitoring.export import pipeline_of

    pipeline = pipeline_of(identity_of(run_dir), Settings(), [])
    take_finished(run_dir, pipeline)
    assert len(pipeline.recorder._open) <= 3
