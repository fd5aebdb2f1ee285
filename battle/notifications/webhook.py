"""The body for a webhook of one's own: plain JSON, whose schema docs/notifications.md shows. Pure."""

import hmac
from collections.abc import Sequence
from typing import Any

import msgspec

from battle.analysis.findings import Verdict
from battle.notifications.event import Kind, Subject, SubjectKind
from battle.notifications.message import Message, run_part

SCHEMA_VERSION = 1
"""Raised when a field is renamed, removed, or changes its meaning; not when one is added."""


class _Part(msgspec.Struct, frozen=True, kw_only=True):
    pass


class WebhookRun(_Part, frozen=True, kw_only=True):
    """One run. `run_id` is null for what a suite could not run. `comparison` is its `comparison.json`, or null.

    `status` is the verdict, or what a suite says instead of one: "crashed", "wrong scenario", "not run".
    """

    run_id: str | None
    name: str
    scenario: str
    world: str
    gateway: str | None
    seed: int | None
    started_at: str | None
    verdict: Verdict
    status: str
    headline: str
    why: str
    reasons: tuple[str, ...]
    warnings: tuple[str, ...]
    moved: tuple[str, ...]
    reproduce: tuple[str, ...]
    comparison: dict[str, Any] | None


class WebhookSubject(_Part, frozen=True, kw_only=True):
    """What was given to `battle notify`: a run or a suite, with its runs."""

    kind: SubjectKind
    id: str
    title: str
    verdict: Verdict
    headline: str
    recovered: bool
    runs: tuple[WebhookRun, ...]


class WebhookBody(_Part, frozen=True, kw_only=True):
    """The whole body. `event_id` is the same whenever the same event is sent again."""

    schema_version: int
    event: Kind
    event_id: str
    verdict: Verdict
    title: str
    why: str
    link: str | None
    subjects: tuple[WebhookSubject, ...]


def payload(message: Message, subjects: Sequence[Subject]) -> bytes:
    """The JSON body: the same words as in every other channel, with the numbers as numbers."""
    body = WebhookBody(
        schema_version=SCHEMA_VERSION,
        event=message.event,
        event_id=message.event_id,
        verdict=message.verdict,
        title=message.title,
        why=message.why,
        link=message.link,
        subjects=tuple(_subject(subject) for subject in subjects),
    )
    return msgspec.json.encode(body)


def _subject(subject: Subject) -> WebhookSubject:
    return WebhookSubject(
        kind=subject.kind,
        id=subject.id,
        title=subject.title,
        verdict=subject.verdict,
        headline=subject.headline,
        recovered=subject.recovered,
        runs=tuple(
            WebhookRun(
                run_id=run.run_id,
                name=run.name,
                scenario=run.scenario,
                world=run.world,
                gateway=run.gateway,
                seed=run.seed,
                started_at=run.started_at,
                verdict=run.verdict,
                status=run.status,
                headline=run.headline,
                why=(part := run_part(run)).why,
                reasons=run.reasons,
                warnings=run.warnings,
                moved=part.moved,
                reproduce=part.reproduce,
                comparison=None if run.comparison is None else msgspec.to_builtins(run.comparison),
            )
            for run in subject.runs
        ),
    )


def signature(body: bytes, secret: str) -> str:
    """The value of `X-Battle-Signature-256`: HMAC-SHA256 of the body, as GitHub signs its own webhooks."""
    return f"sha256={hmac.new(secret.encode(), body, 'sha256').hexdigest()}"


def json_schema() -> str:
    """The JSON Schema of the body."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **msgspec.json.schema(WebhookBody)}
    return msgspec.json.format(msgspec.json.encode(schema), indent=2).decode() + "\n"


if __name__ == "__main__":  # python -m battle.notifications.webhook
    print(json_schema(), end="")
