"""DuckDB draws no progress bar, also in a notebook, where the setting for it cannot even be named."""

from typing import Any

import duckdb
import pytest

from battle.store.connections import show_no_progress


class Notebook:
    """A connection as a kernel without ipywidgets has it: the bar is off, and its setting cannot be named."""

    def __init__(self):
        self.asked = []

    def execute(self, sql):
        self.asked.append(sql)
        if sql.startswith("SET"):
            raise duckdb.InvalidInputException("required package 'ipywidgets' is missing")
        return self

    def fetchone(self):
        return (False,)


def test_in_a_notebook_the_setting_is_left_alone():
    notebook: Any = Notebook()
    show_no_progress(notebook)
    assert notebook.asked == ["SELECT current_setting('enable_progress_bar')"]


@pytest.mark.parametrize("before", ["true", "false"])
def test_elsewhere_it_is_switched_off(before):
    with duckdb.connect() as connection:
        connection.execute(f"SET enable_progress_bar = {before}")
        show_no_progress(connection)
        assert connection.execute("SELECT current_setting('enable_progress_bar')").fetchone() == (False,)
