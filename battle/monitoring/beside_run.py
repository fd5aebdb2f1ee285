"""Starts the export beside a run: as a process of its own, which a slow receiver may hold up, and the run not."""

import sys

import msgspec

from battle.monitoring.settings import Settings
from battle.run.observer import Observer

VARIABLE = "BATTLE_MONITORING"
"""The environment variable with the settings: what is on a command line can be read by everybody on the machine."""


def observers_of(settings: Settings) -> tuple[Observer, ...]:
    """The observers of a run; none when nothing was asked for."""
    if settings.otlp is None and settings.prometheus is None:
        return ()
    command = sys.executable, "-m", "battle.monitoring"
    return (Observer("monitoring", command, {VARIABLE: msgspec.json.encode(settings).decode()}),)
