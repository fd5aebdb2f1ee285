"""What Prometheus gets: the text that it scrapes, and remote write."""

import httpx
import pytest
import trio
from prometheus_client.parser import text_string_to_metric_families

from battle.errors import BattleError
from battle.monitoring import remote_write
from battle.monitoring.catalog import INSTRUMENTS, REQUEST_DURATION, REQUESTS
from battle.monitoring.endpoint import Endpoint, split_address
from battle.monitoring.export import export_beside
from battle.monitoring.exposition import exposition
from battle.monitoring.recorder import Recorder
from battle.monitoring.remote_write import RemoteWriteSink, snappy, write_request
from battle.monitoring.settings import Settings
from tests.battle.histories import healthy, write_run

OK = "load", "eth_call", "ok", "right", ""


def recorder():
    found = Recorder()
    for value_s in (0.0004, 0.02, 0.7, 100.0):
        found.count(REQUESTS, OK, 0)
        found.observe(REQUEST_DURATION, ("load", "ok"), 0, value_s)
    return found


def test_the_text_is_prometheus_own_and_has_the_counts():
    families = {
        family.name: family for family in text_string_to_metric_families(exposition(recorder(), 'a "b"\n'))
    }
    [requests] = families["battle_requests"].samples
    assert requests.name == "battle_requests_total"
    assert requests.value == 4
    assert requests.labels["scenario"] == 'a "b"\n'
    buckets = {
        sample.labels["le"]: sample.value
        for sample in families["battle_request_duration_seconds"].samples
        if sample.name.endswith("_bucket")
    }
    assert (buckets["0.001"], buckets["0.02"], buckets["1.0"], buckets["60.0"], buckets["+Inf"]) == (
        1,
        2,
        3,
        3,
        4,
    )


def test_every_metric_has_one_name_and_a_meaning():
    names = [instrument.prometheus for instrument in INSTRUMENTS]
    assert len(names) == len(set(names))
    assert all(name.startswith("battle_") for name in names)
    assert all(instrument.meaning.endswith(".") for instrument in INSTRUMENTS)


@pytest.mark.parametrize(
    ("text", "address"),
    [("9464", ("127.0.0.1", 9464)), ("0.0.0.0:1", ("0.0.0.0", 1)), ("[::1]:2", ("::1", 2))],
)
def test_an_address_is_a_port_with_or_without_a_host(text, address):
    assert split_address(text) == address


def test_the_endpoint_serves_what_was_counted_until_now():
    found = recorder()

    async def main():
        endpoint = Endpoint("0", found, "s")
        async with trio.open_nursery() as nursery:
            await nursery.start(endpoint.serve)
            async with httpx.AsyncClient() as client:
                first = await client.get(endpoint.url)
                found.count(REQUESTS, OK, 10**9)
                second = await client.get(endpoint.url, headers={"accept": "application/openmetrics-text"})
                assert not endpoint.scraped.is_set()
                missing = await client.get(endpoint.url + "x")
                posted = await client.post(endpoint.url)
                endpoint.last = True
                await client.get(endpoint.url)
                with trio.fail_after(5):
                    await endpoint.scraped.wait()
            nursery.cancel_scope.cancel()
        return first, second, missing, posted

    first, second, missing, posted = trio.run(main)
    assert 'battle_requests_total{answer="right"' in first.text
    assert "} 4.0" in first.text
    assert "} 5.0" in second.text
    assert second.text.endswith("# EOF\n")
    assert first.headers["content-type"].startswith("text/plain")
    assert (missing.status_code, posted.status_code) == (404, 404)


@pytest.mark.parametrize("alone", [True, False])
def test_the_last_values_are_kept_until_they_are_scraped_or_nobody_is_left(tmp_path, alone):
    run_dir = write_run(tmp_path / "run", healthy())
    said, texts = [], []

    async def main():
        waits = trio.Event()

        def say(sentence):
            said.append(sentence)
            if "the last metrics" in sentence:
                waits.set()

        async with trio.open_nursery() as nursery:

            async def export():
                settings = Settings(prometheus="0")
                await export_beside(run_dir, settings, lambda: True, lambda: alone, say)

            nursery.start_soon(export)
            if not alone:
                await waits.wait()
                async with httpx.AsyncClient() as client:
                    texts.append((await client.get(said[0].split()[-1])).text)

    trio.run(main)
    assert "the last metrics stay at" in said[1]
    assert alone or "battle_requests_total" in texts[0]


def test_a_port_in_use_is_named():
    first = Endpoint("0", Recorder(), "s")
    port = first.url.rpartition(":")[2].partition("/")[0]
    with pytest.raises(BattleError, match=f"cannot be served at 127.0.0.1:{port}"):
        Endpoint(port, Recorder(), "s")
    first.close()


def decompressed(data):
    """Snappy's block format, as far as literals go."""
    size = shift = at = 0
    while True:
        byte, at = data[at], at + 1
        size |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            break
    out = b""
    while at < len(data):
        assert data[at] == 61 << 2
        length = int.from_bytes(data[at + 1 : at + 3], "little") + 1
        out += data[at + 3 : at + 3 + length]
        at += 3 + length
    assert len(out) == size
    return out


@pytest.mark.parametrize("size", [0, 1, 127, 128, 65536, 65537, 200_000])
def test_what_is_compressed_comes_out_as_it_was(size):
    data = bytes(range(256)) * (size // 256 + 1)
    assert decompressed(snappy(data[:size])) == data[:size]


def test_samples_of_one_series_are_together():
    encoded = write_request(
        [
            ({"__name__": "m", "b": "2", "a": "1"}, 1.5, 1000),
            ({"__name__": "m", "a": "1", "b": "2"}, 2.0, 2000),
        ]
    )
    message = remote_write._WriteRequest.FromString(encoded)
    [series] = message.timeseries
    assert [(label.name, label.value) for label in series.labels] == [
        ("__name__", "m"),
        ("a", "1"),
        ("b", "2"),
    ]
    assert [(sample.value, sample.timestamp) for sample in series.samples] == [(1.5, 1000), (2.0, 2000)]


def test_remote_write_sends_totals_with_their_time(monkeypatch):
    sent = []
    monkeypatch.setattr(remote_write, "send", sent.append)
    monkeypatch.setenv("PROMETHEUS_AUTHORIZATION", "Bearer pl4nted")
    sink = RemoteWriteSink("http://127.0.0.1/api/v1/write", "run-1", "s", 10**18)
    found = recorder()
    for closed in found.close_all(10**9):
        sink.window(closed, found.total)
    assert sink.finish() == []
    [request] = sent
    assert request.headers["authorization"] == "Bearer pl4nted"
    message = remote_write._WriteRequest.FromString(decompressed(request.body))
    of_requests = [
        ({label.name: label.value for label in series.labels}, series.samples[0])
        for series in message.timeseries
        if any(label.value == "battle_requests_total" for label in series.labels)
    ]
    [(labels, sample)] = of_requests
    assert labels["instance"] == "run-1"
    assert (sample.value, sample.timestamp) == (4, (10**18 + 10**9) // 10**6)
