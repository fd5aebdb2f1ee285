"""Where a run is exported to, and whether that can be done at all."""

import importlib.util
import os

import msgspec

from battle.errors import BattleError

TRACE_SHARE = 0.1
"""Of the traces that did not fail: at 1,000 requests a second 100 traces a second, of some 3 spans each."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked for; None: not that. `prometheus` is PORT or HOST:PORT, the others are URLs."""

    otlp: str | None = None
    prometheus: str | None = None
    remote_write: str | None = None
    grafana: str | None = None
    trace_share: float = TRACE_SHARE


_NEEDED = {
    "otlp": "opentelemetry.exporter.otlp.proto.http",
    "prometheus": "prometheus_client",
    "remote_write": "opentelemetry.exporter.otlp.proto.http",
}


def check(settings: Settings) -> None:
    """Refuse, before anything starts, what cannot work.

    Raises:
        BattleError: a library is not installed, or an address or the share is none.
    """
    needed = [module for name, module in _NEEDED.items() if getattr(settings, name) is not None]
    require_libraries(needed)
    if not 0 < settings.trace_share <= 1:
        raise BattleError(f"--trace-share is above 0 and at most 1, not {settings.trace_share:g}")
    if settings.prometheus is not None:
        from battle.monitoring.endpoint import split_address

        split_address(settings.prometheus)
    for name, option in (
        ("otlp", "--otlp"),
        ("remote_write", "--prometheus-remote-write"),
        ("grafana", "--grafana"),
    ):
        if (url := getattr(settings, name)) is not None:
            _check_url(option, url)
    if settings.otlp is not None:
        _check_otlp(settings.otlp)
    if settings.grafana is not None and not os.environ.get("GRAFANA_TOKEN", "").strip():
        raise BattleError("the environment variable GRAFANA_TOKEN is not set")


def require_libraries(modules: list[str]) -> None:
    """Raises BattleError with what to install when one of the modules is not there."""
    for module in modules:
        try:
            found = importlib.util.find_spec(module) is not None
        except ModuleNotFoundError:
            found = False
        if not found:
            raise BattleError(
                f"exporting needs {module.partition('.')[0]}, which is not installed: "
                "install Battle with its extra, such as `pip install '.[monitoring]'` in a checkout"
            )


_SIGNALS = ("/v1/metrics", "/v1/traces", "/v1/logs")
_HEADERS = (
    "OTEL_EXPORTER_OTLP_HEADERS",
    "OTEL_EXPORTER_OTLP_METRICS_HEADERS",
    "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
)


def _check_otlp(url: str) -> None:
    """What the exporters would take, and do something else with. No value of a header is shown: it is a secret."""
    from urllib.parse import unquote, urlsplit

    if urlsplit(url).path.rstrip("/").endswith(_SIGNALS):
        raise BattleError(
            "--otlp takes the receiver's address without /v1/metrics or /v1/traces, which it adds"
        )
    for name in _HEADERS:
        for header in filter(None, (part.strip() for part in os.environ.get(name, "").split(","))):
            key, separator, value = header.partition("=")
            if not separator or not key.strip() or not unquote(value).isprintable():
                raise BattleError(f"the environment variable {name} is not of the form NAME=VALUE,NAME=VALUE")


def _check_url(option: str, url: str) -> None:
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
        valid = valid and not (option == "--grafana" and (parts.query or parts.fragment))
    except ValueError:
        valid = False
    if not valid:
        raise BattleError(
            f"{option} takes a URL that begins with http:// or https:// and names a host, not {url!r}"
        )
