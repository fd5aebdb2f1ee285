"""What lies beside a file can be imported while somebody needs it."""

import importlib
import sys

import pytest

from battle.actors.author_files import beside


def test_what_one_thread_leaves_another_still_has(tmp_path):
    (tmp_path / "lies_beside.py").write_text("value = 1\n")
    first, second = beside(tmp_path), beside(tmp_path)
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert importlib.import_module("lies_beside").value == 1
    second.__exit__(None, None, None)
    assert "lies_beside" not in sys.modules
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("lies_beside")
