"""The stories in docs/explain.md: what `battle explain` prints of a simulated run.

A block begins with the run's scenario and the request: three back-quotes, then `text explain http_failover w0-498`.
"""

import io
import re
from collections.abc import Mapping
from contextlib import redirect_stdout
from pathlib import Path

from battle.cli.explain import explain_command

_STORY = re.compile(
    r"^```text explain (?P<run>\w+) (?P<request>\S+)\n(?P<story>.*?)^```$", re.DOTALL | re.MULTILINE
)


def stories(text: str) -> list[tuple[str, str, str]]:
    """The stories of a page: the run, the request's id, and what is printed there."""
    return [(found["run"], found["request"], found["story"]) for found in _STORY.finditer(text)]


def story(run_dir: Path, request: str) -> str:
    """What `battle explain` prints."""
    printed = io.StringIO()
    with redirect_stdout(printed):
        explain_command(str(run_dir), request, run_dir.parent)
    return printed.getvalue()


def explained(text: str, runs: Mapping[str, Path]) -> str:
    """The page with its stories as they are now."""

    def again(found: re.Match[str]) -> str:
        head = f"```text explain {found['run']} {found['request']}\n"
        return f"{head}{story(runs[found['run']], found['request'])}```"

    return _STORY.sub(again, text)
