"""The section on sessions: how many went well, how long they took, and why the others failed."""

from typing import Any

from battle.analysis.reports.cells import bad_if_any, count, duration, explain_command, timed
from battle.analysis.reports.document import Block, Cell, Paragraph, Section, Table, columns, row
from battle.analysis.reports.schema import Report
from battle.analysis.reports.section import ReportSection

FAILURES_SHOWN = 10
"""The commonest; the table `sessions` of the log has all."""

_NOTE = (
    "A session is several requests, the next from the answer to the last. It failed where a request got no answer, "
    "or its answers did not go together. Unfinished: the load was over before it."
)


def session_section(report: Report) -> Section | None:
    """The sessions of each workload, and what the failed ones failed of; None without sessions."""
    rows = SESSIONS.rows(report)
    if not rows:
        return None
    titles = columns(
        ":workload", ":script", "sessions", "ok", "failed", "unfinished", "requests", "p50", "p95", "max"
    )
    blocks: list[Block] = [
        Table(titles, tuple(_workload_row(one) for one in rows if one["outcome"] is None)),
        Paragraph(_NOTE, quiet=True),
    ]
    failures = [one for one in rows if one["outcome"] is not None]
    if failures:
        shown = failures[:FAILURES_SHOWN]
        cells = tuple(
            row(one["workload"], one["detail"] or "–", count(one["sessions"]), one["request_id"] or "–")
            for one in shown
        )
        blocks.append(
            Table(columns(":workload", ":failed", "sessions", ":last request of one"), cells, stacks=True)
        )
        if shown[0]["request_id"] is not None:
            blocks.append(explain_command(report, shown[0]["request_id"]))
    return Section(timed("Sessions", report.run.world), tuple(blocks))


def _workload_row(one: dict[str, Any]) -> tuple[Cell, ...]:
    return row(
        one["workload"],
        one["script"],
        count(one["sessions"]),
        count(one["ok"]),
        bad_if_any(one["failed"]),
        count(one["sessions"] - one["ok"] - one["failed"]),
        count(one["requests"]),
        *(duration(one[name]) for name in ("p50_ns", "p95_ns", "max_ns")),
    )


SESSIONS = ReportSection(
    place=35,
    title="Sessions",
    make=session_section,
    sql="""
        -- Of each workload a row without an outcome, with the durations of those that went well; then the failures.
        (SELECT
            workload, any_value(script) AS script, NULL AS outcome, NULL AS detail, count(*) AS sessions,
            count(*) FILTER (outcome = 'ok') AS ok, count(*) FILTER (outcome = 'failed') AS failed,
            sum(requests)::BIGINT AS requests,
            quantile_disc(ended_ns - scheduled_ns, 0.5) FILTER (outcome = 'ok') AS p50_ns,
            quantile_disc(ended_ns - scheduled_ns, 0.95) FILTER (outcome = 'ok') AS p95_ns,
            max(ended_ns - scheduled_ns) FILTER (outcome = 'ok') AS max_ns,
            NULL AS request_id
        FROM sessions
        GROUP BY workload
        ORDER BY workload)
        UNION ALL
        (SELECT
            workload, any_value(script), outcome, detail, count(*) AS sessions, 0, count(*), sum(requests)::BIGINT,
            NULL, NULL, NULL, min(failed_request_id)
        FROM sessions
        WHERE outcome = 'failed'
        GROUP BY workload, outcome, detail
        ORDER BY sessions DESC, workload, detail
        LIMIT 100)
    """,
)
