"""`battle sql RUN` without a question: what can be asked about, on one screen."""

import csv
import io
import json

import pytest

from battle.cli import sql
from battle.cli.app import run_command_line
from battle.store.catalog import entries
from battle.store.database import open_run
from battle.store.events import TABLES
from tests.battle.analysis.charts.samples import eventful_run


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory):
    return eventful_run(tmp_path_factory.mktemp("listed") / "run")


def listed(run_dir, capsys, *arguments) -> str:
    assert run_command_line(["sql", str(run_dir), *arguments]) == 0
    return capsys.readouterr().out


def test_everything_that_can_be_asked_is_an_entry_and_says_what_it_is(run_dir):
    with open_run(run_dir) as log:
        there = log.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = 'main'")
    assert sorted(entry.name for entry in entries()) == sorted(name for (name,) in there.rows)
    for entry in entries():
        assert entry.meaning[-1] == ("?" if entry.kind == "view" else "."), entry
        assert "\n" not in entry.meaning
        assert "--" not in entry.meaning
    assert {entry.name for entry in entries() if entry.kind == "table"} == {*TABLES, "run", "segments"}


def test_the_list_fits_a_screen_of_a_hundred_columns(run_dir, capsys):
    lines = listed(run_dir, capsys).splitlines()
    assert max(map(len, lines)) <= 100
    assert " ".join(lines[0].split()) == "name kind rows a row is"
    names = [line.split()[0] for line in lines[2:] if not line.startswith(" ")]
    assert names == [entry.name for entry in entries()]
    told = " ".join(" ".join(lines[2:]).split())
    assert "What did the gateway do about each fault: whom did failing over cost what," in told


def test_each_is_listed_with_its_number_of_rows(run_dir, capsys):
    rows = json.loads(listed(run_dir, capsys, "--format", "json"))
    with open_run(run_dir) as log:
        for row in rows:
            assert log.execute(f"SELECT count(*) FROM {row['name']}").rows == [(row["rows"],)]
    assert {row["name"]: row["rows"] for row in rows}["requests"] == 100
    as_csv = list(csv.reader(io.StringIO(listed(run_dir, capsys, "--format", "csv"))))
    assert len(as_csv) == len(rows) + 1


def test_of_a_large_log_no_view_is_computed_to_be_counted(run_dir, capsys, monkeypatch):
    monkeypatch.setattr(sql, "_COUNTED_MAX", 10)
    rows = json.loads(listed(run_dir, capsys, "--format", "json"))
    assert {row["kind"] for row in rows if row["rows"] is None} == {"view"}
    assert {row["kind"] for row in rows if row["rows"] is not None} == {"table"}
    assert "failovers" in listed(run_dir, capsys)


def test_the_columns_of_one_are_asked_for_by_its_name(run_dir, capsys):
    assert run_command_line(["sql", str(run_dir)]) == 0
    assert '"DESCRIBE requests"' in capsys.readouterr().err
    described = listed(run_dir, capsys, "DESCRIBE requests")
    assert "scheduled_ns" in described
    assert max(map(len, described.splitlines())) <= 100


def test_a_query_that_is_no_text_is_one_sentence(run_dir, capsys):
    assert run_command_line(["sql", str(run_dir), "SELECT '\ud800'"]) == 2
    assert capsys.readouterr().err == "battle: the query is no valid UTF-8, at character 9\n"


def test_json_drops_no_column_that_shares_its_name(run_dir, capsys):
    query = "SELECT 1 AS n, 2 AS n"
    assert run_command_line(["sql", str(run_dir), query, "--format", "json"]) == 2
    said = capsys.readouterr()
    assert (said.out, "share `n`: rename one of them" in said.err) == ("", True)
    assert run_command_line(["sql", str(run_dir), query, "--format", "csv"]) == 0
    assert capsys.readouterr().out == "n,n\n1,2\n"
