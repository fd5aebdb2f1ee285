"""A run may be asked for anywhere: in somebody else's event loop, in a thread, and signals end it there as well."""

import asyncio
import os
import signal
import sys
import threading
import time

import pytest
import trio
import trio.lowlevel

from battle import EmbeddedGateway, HttpConstant, Kill, MockProvider, Scenario, Slo, ms, run_scenario, seconds
from battle.run.event_loop import in_event_loop

SCENARIO = Scenario(
    "small",
    providers=[MockProvider("a", latency=ms(5)), MockProvider("b", latency=ms(5))],
    workloads=[HttpConstant("eth_getBalance", rate=40, duration=seconds(3))],
    chaos=[Kill("a", at=seconds(1), down=seconds(1))],
    slo=Slo(success_rate=0.99),
)


def in_asyncio(call):
    async def main():
        return call()

    return asyncio.run(main())


def in_trio(call):
    async def main():
        return call()

    return trio.run(main)


def in_a_thread(call):
    results = []
    thread = threading.Thread(target=lambda: results.append(call()))
    thread.start()
    thread.join()
    return results[0]


def in_a_thread_of_asyncio(call):
    async def main():
        return await asyncio.to_thread(call)

    return asyncio.run(main())


def in_a_thread_of_trio(call):
    async def main():
        return await trio.to_thread.run_sync(call)

    return trio.run(main)


def in_asyncio_in_a_thread(call):
    return in_a_thread(lambda: in_asyncio(call))


PLACES = [
    in_asyncio,
    in_trio,
    in_a_thread,
    in_a_thread_of_asyncio,
    in_a_thread_of_trio,
    in_asyncio_in_a_thread,
]


@pytest.mark.parametrize("place", PLACES)
def test_a_simulated_run(place, tmp_path):
    result = place(lambda: run_scenario(SCENARIO, world="simulated", out=tmp_path))
    assert result.report.verdict == "PASS", result.report.reasons


@pytest.mark.live
@pytest.mark.parametrize("place", [in_asyncio, in_trio, in_a_thread])
def test_a_live_run(place, tmp_path):
    result = place(lambda: run_scenario(SCENARIO, out=tmp_path))
    assert result.report.requests.total == 120
    assert result.report.faults[0].effect_observed


@pytest.mark.parametrize("place", [in_asyncio, in_trio])
def test_a_loop_that_waits_changes_nothing_in_the_log(place, tmp_path):
    runs = [
        run_scenario(SCENARIO, world="simulated", out=tmp_path / "plain"),
        place(lambda: run_scenario(SCENARIO, world="simulated", out=tmp_path / "hosted")),
    ]
    facts = [(run.report.requests, run.report.latencies, run.report.provider_shares) for run in runs]
    assert facts[0] == facts[1]


def test_an_error_comes_out_as_it_went_in(tmp_path):
    def broken(signals):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        in_asyncio(lambda: in_event_loop(broken))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("place", [in_asyncio, in_trio])
def test_a_signal_reaches_the_run_in_its_thread(place, number):
    """Also one that comes before the run's loop is there; what was set before is set again."""
    before = signal.getsignal(number)

    def run(signals):
        os.kill(os.getpid(), number)

        async def main():
            with signals.receive() as numbers:
                early = await anext(numbers)
                os.kill(os.getpid(), number)
                return [early, await anext(numbers)]

        return trio.run(main)

    def call():
        handler = signal.getsignal(number)
        try:
            return in_event_loop(run)
        finally:
            assert signal.getsignal(number) == handler

    assert place(call) == [number, number]
    assert signal.getsignal(number) == before


def _main_thread_is_in() -> str:
    """The function that waits there, or runs."""
    return sys._current_frames()[threading.main_thread().ident or 0].f_code.co_name


def test_a_signal_that_the_kernel_gives_to_another_thread_is_not_lost():
    def run(signals):
        async def main():
            with signals.receive() as numbers:
                while _main_thread_is_in() not in ("_gotten", "_in_a_thread"):
                    await trio.lowlevel.checkpoint()
                signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
                return await anext(numbers)

        return trio.run(main)

    assert in_trio(lambda: in_event_loop(run)) == signal.SIGTERM


@pytest.mark.live
def test_ctrl_c_ends_a_run_in_a_loop_in_good_order(tmp_path):
    def interrupt_soon(run_dir):
        def interrupt():
            while not any((run_dir / "events").glob("load-*")):
                time.sleep(0.05)
            os.kill(os.getpid(), signal.SIGINT)

        threading.Thread(target=interrupt).start()

    result = in_asyncio(lambda: run_scenario(SCENARIO, out=tmp_path, on_start=interrupt_soon))
    assert result.interrupted
    assert (result.run_dir / "report.html").is_file()


def test_an_alarm_that_raises_ends_the_run_before_it_goes_on():
    class Alarm(Exception):
        pass

    def ring(number, frame):
        raise Alarm

    ended = []

    def run(signals):
        async def main():
            with signals.receive() as numbers:
                os.kill(os.getpid(), signal.SIGALRM)
                async for one in numbers:
                    ended.append(one)
                    return

        trio.run(main)

    before = signal.signal(signal.SIGALRM, ring)
    try:
        with pytest.raises(Alarm):
            in_trio(lambda: in_event_loop(run))
    finally:
        signal.signal(signal.SIGALRM, before)
    assert ended == [signal.SIGINT]


def test_names_and_plain_paths(tmp_path):
    file = tmp_path / "small.toml"
    file.write_text(
        'name = "small"\nslo = { success_rate = 0.99 }\nproviders = [{ name = "a" }]\n'
        '[[workloads]]\ntype = "http_constant"\nmethod = "eth_blockNumber"\nrate = 40\nduration = "1s"\n'
    )
    for scenario in (file, str(file)):
        result = run_scenario(
            scenario,
            world="simulated",
            gateway=EmbeddedGateway(strategy="priority"),
            out=str(tmp_path / "runs"),
        )
        assert result.report.verdict == "PASS", result.report.reasons
        assert result.report.run.gateway == "embedded (priority)"
