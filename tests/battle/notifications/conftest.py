"""Requests of these tests go to this machine, whatever proxies and settings its environment names."""

import os

import pytest


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.lower().endswith("_proxy") or name.startswith(("BATTLE_", "SLACK_", "SSL_CERT_")):
            monkeypatch.delenv(name)
