"""Faults as annotations of Grafana: a region in every chart of the time in which a fault was in force."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

import msgspec

from battle.actors.redaction import redacted
from battle.errors import BattleError
from battle.formatting import plural
from battle.monitoring.recorder import ClosedWindow, Window
from battle.monitoring.spans import FAULTS, Span
from battle.outgoing import Answer, Request, require_https, secret, send
from battle.store import typed

TOKEN = "GRAFANA_TOKEN"
"""The environment variable with the token of a service account that may write annotations."""

FAULTS_MAX = 1_000
"""Annotations of one run. Grafana draws each, and a chart with more shows nothing any more."""

LOOKED_FOR_MAX = 10_000
"""Annotations of this run that are asked for, to find those that are there already."""


class GrafanaSink:
    """Adds an annotation for each fault of a run that has none yet: exporting again adds nothing.

    Raises:
        BattleError: GRAFANA_TOKEN is not set, or the URL is none.
    """

    def __init__(self, url: str, run_id: str, epoch_ns: int) -> None:
        require_https(url, "--grafana")
        self._url = url.rstrip("/")
        self._token = secret(TOKEN)
        self._run_id = run_id
        self._epoch_ns = epoch_ns
        self._faults: list[Span] = []

    def window(self, closed: ClosedWindow, total: Window) -> None:
        """Annotations are about faults alone."""

    def spans(self, spans: Sequence[Span]) -> None:
        """Keep those of faults."""
        self._faults += [span for span in spans if span.service == FAULTS]

    def finish(self) -> list[str]:
        """Add what is missing."""
        chosen = self._faults[:FAULTS_MAX]
        lost = []
        if len(self._faults) > FAULTS_MAX:
            lost.append(f"{len(self._faults) - FAULTS_MAX:,} further faults are not annotated in Grafana")
        done = 0
        try:
            there = self._there() if chosen else set()
            for span in chosen:
                if _fault_tag(span) not in there:
                    self._ask("POST", "/api/annotations", self._annotation(span))
                done += 1
        except BattleError as error:
            count = plural(len(chosen) - done, "fault")
            lost.append(f"{count} could not be annotated at {redacted(self._url)}: {error}")
        return lost

    def _there(self) -> set[str]:
        """The tags of this run's annotations that Grafana has."""
        query = urlencode(
            [
                ("tags", "battle"),
                ("tags", f"run:{self._run_id}"),
                ("type", "annotation"),
                ("limit", LOOKED_FOR_MAX),
            ]
        )
        try:
            found = typed.decode(self._ask("GET", f"/api/annotations?{query}").body, list[_Annotation])
        except (msgspec.MsgspecError, RecursionError):
            raise BattleError(
                "its answer is no list of annotations: is this the address of Grafana?"
            ) from None
        return {tag for annotation in found for tag in annotation.tags or ()}

    def _annotation(self, span: Span) -> dict[str, Any]:
        target = span.attributes["battle.fault.target"]
        return {
            "time": (self._epoch_ns + span.start_ns) // 10**6,
            "timeEnd": (self._epoch_ns + span.end_ns) // 10**6,
            "tags": [
                "battle",
                f"run:{self._run_id}",
                _fault_tag(span),
                f"kind:{span.name}",
                f"target:{target}",
            ],
            "text": f"{span.name} {target}" + (f" (failed: {span.error})" if span.error else ""),
        }

    def _ask(self, method: str, path: str, body: object = None) -> Answer:
        return send(
            Request(
                service="Grafana",
                method=method,
                url=self._url + path,
                headers={
                    "authorization": f"Bearer {self._token.reveal()}",
                    "accept": "application/json",
                    "content-type": "application/json",
                },
                body=b"" if body is None else msgspec.json.encode(body),
                repeatable=method == "GET",
                secrets=[self._token],
            )
        )


class _Annotation(msgspec.Struct):
    tags: list[str] | None = None


def _fault_tag(span: Span) -> str:
    return f"fault:{span.attributes['battle.fault_id']}"
