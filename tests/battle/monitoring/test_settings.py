"""What monitoring refuses before anything starts."""

import pytest

from battle.errors import BattleError
from battle.monitoring.settings import Settings, check


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        (Settings(otlp="http://127.0.0.1:4318/v1/metrics"), "without /v1/metrics"),
        (Settings(otlp="http://127.0.0.1:4318/v1/traces/"), "without /v1/metrics"),
        (Settings(otlp="127.0.0.1:4318"), "--otlp takes a URL"),
        (Settings(grafana="http://127.0.0.1:3000/?orgId=1"), "--grafana takes a URL"),
        (Settings(otlp="http://127.0.0.1:4318", trace_share=7), "--trace-share"),
    ],
)
def test_an_address_that_would_lead_elsewhere_is_refused(settings, why):
    with pytest.raises(BattleError, match=why):
        check(settings)


@pytest.mark.parametrize("headers", ["pl4nted", "api-key=x,pl4nted", "api-key=pl4nted%0D%0Ax", "=pl4nted"])
def test_headers_that_would_not_be_sent_are_refused_and_not_shown(headers, monkeypatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", headers)
    with pytest.raises(BattleError, match="OTEL_EXPORTER_OTLP_HEADERS") as refused:
        check(Settings(otlp="http://127.0.0.1:4318"))
    assert "pl4nted" not in str(refused.value)


def test_headers_as_they_are_meant_are_taken(monkeypatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "api-key=abc%20def, x-tenant=one")
    check(Settings(otlp="http://127.0.0.1:4318/otlp"))
