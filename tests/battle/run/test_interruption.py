"""Ctrl-C is never a finding: what is interrupted leaves no report that says something else."""

import os
import signal

import pytest
import trio

from battle import __main__ as program
from battle.analysis.log import Log
from battle.analysis.verdict import registry, verdict
from battle.cli import app as command_line
from battle.cli.app import run_command_line
from battle.run.event_loop import until_signalled
from battle.run.progress import Progress
from battle.scenario.slo.slo import Slo, SloSet
from battle.store.database import open_run
from battle.store.interruption import interruptible

LONG = "SELECT count(*) FROM range(300000000) a(i) WHERE (i * 7) % 11 = 3"
"""It outlasts the alarm. DuckDB looks for signals between two of its tasks, so it must not take for ever either."""


@pytest.fixture
def alarm():
    """Ctrl-C in a moment, as the kernel delivers it: a handler that raises, called while DuckDB works."""
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    yield lambda: signal.setitimer(signal.ITIMER_REAL, 0.1)
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def test_a_question_that_is_interrupted_ends_as_an_interruption(tmp_path, alarm):
    with open_run(tmp_path) as run:
        run.execute("SELECT 1")
        alarm()
        with pytest.raises(KeyboardInterrupt):
            run.execute(LONG)


def test_another_mistake_stays_the_mistake_it_is():
    with pytest.raises(RuntimeError, match="std::bad_cast"), interruptible():
        raise RuntimeError("std::bad_cast")


def test_no_checker_and_no_measure_takes_an_interruption_for_a_finding(tmp_path, monkeypatch):
    def interrupted(*_):
        with interruptible():
            raise RuntimeError("Query interrupted")

    with open_run(tmp_path) as run:
        with pytest.raises(KeyboardInterrupt):
            registry.check(interrupted, Log(run), SloSet())
        monkeypatch.setattr(verdict, "knees", interrupted)
        with pytest.raises(KeyboardInterrupt):
            verdict.judge(run, Slo(success_rate=1), checkers=())


@pytest.mark.parametrize(
    "phase",
    ["battle.run.record.seal", "battle.analysis.reports.files.write_reports"],
    ids=["seal", "write_reports"],
)
def test_a_run_that_is_not_sealed_or_judged_to_the_end_keeps_its_log(phase, tmp_path, monkeypatch, capsys):
    def interrupt(run_dir, **_):
        raise KeyboardInterrupt

    monkeypatch.setattr(phase, interrupt)
    arguments = ["run", "smoke", "--world", "simulated", "--quiet", "--out", str(tmp_path)]
    assert run_command_line(arguments) == 130
    said = capsys.readouterr()
    [run_dir] = (path for path in tmp_path.iterdir() if path.name != "latest")
    assert f"the log is kept at {run_dir}, run `battle report {run_dir}`" in said.err
    assert said.err.count("\n") == 1
    assert said.out == ""
    assert not (run_dir / "report.md").exists()
    monkeypatch.undo()
    assert run_command_line(["report", str(run_dir)]) == 0


def test_a_second_signal_says_where_the_log_is(tmp_path, monkeypatch, capsys):
    def interrupt():
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGTERM)

    def twice(self, world):
        world.call_at(world.now_ns() + 10**9, interrupt)

    monkeypatch.setattr(Progress, "watch", twice)
    arguments = ["run", "smoke", "--world", "simulated", "--out", str(tmp_path)]
    assert run_command_line(arguments) == 130
    assert "run `battle report " in capsys.readouterr().err


def test_an_interruption_anywhere_else_is_a_status_and_no_traceback(monkeypatch, capsys):
    def interrupt(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(command_line, "run_command_line", interrupt)
    with pytest.raises(SystemExit) as left:
        program.main()
    assert left.value.code == 130
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(("ignored", "status"), [(False, 130), (True, 0)])
def test_a_terminal_that_is_gone_ends_a_run_in_good_order_unless_that_is_ignored(
    ignored, status, tmp_path, monkeypatch, capsys
):
    def gone(self, world):
        world.call_at(world.now_ns() + 10**9, os.kill, os.getpid(), signal.SIGHUP)

    monkeypatch.setattr(Progress, "watch", gone)
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN if ignored else signal.SIG_DFL)
    try:
        arguments = ["run", "smoke", "--world", "simulated", "--out", str(tmp_path)]
        assert run_command_line(arguments) == status
    finally:
        signal.signal(signal.SIGHUP, before)
    assert (tmp_path / "latest" / "events" / "manifest.json").is_file()
    assert ("partial" in (tmp_path / "latest" / "report.md").read_text().lower()) is not ignored
    assert "Traceback" not in capsys.readouterr().err


def test_a_signal_during_work_in_an_event_loop_is_no_group_whatever_task_runs():
    async def work():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever)
            await trio.lowlevel.checkpoint()
            os.kill(os.getpid(), signal.SIGINT)
            await trio.sleep_forever()

    with pytest.raises(KeyboardInterrupt):
        until_signalled(work)


def test_what_goes_wrong_in_an_event_loop_is_raised_alone():
    async def fail():
        await trio.lowlevel.checkpoint()
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        until_signalled(fail)
