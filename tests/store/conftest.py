"""What all tests of the log share."""

import gc

import pytest


def pytest_unconfigure(config: pytest.Config) -> None:
    # Hypothesis's hook in the garbage collector outlives the modules; DuckDB then reports itself as leaked.
    gc.callbacks[:] = [hook for hook in gc.callbacks if "hypothesis" not in str(hook.__module__)]
