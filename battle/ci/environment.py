"""Which CI service this is, from the variables that it sets. Pure."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, TypeAlias

import msgspec

Service: TypeAlias = Literal["github", "gitlab", "other"]


class Environment(msgspec.Struct, frozen=True, kw_only=True):
    """A job of a CI service.

    `workspace` is the directory of the checkout, None where the service does not say it. `step_summary` and
    `step_outputs` are GitHub's files for the Markdown of a step and for its outputs.
    """

    service: Service
    workspace: Path | None = None
    step_summary: Path | None = None
    step_outputs: Path | None = None


def environment(variables: Mapping[str, str]) -> Environment | None:
    """The CI job that these environment variables describe; None outside of CI.

    GitHub Actions sets `GITHUB_ACTIONS=true`, GitLab `GITLAB_CI=true`, and most others `CI=true`. Services that copy
    GitHub's variables, as Gitea and Forgejo do, read its commands too.
    """
    if _is_true(variables, "GITHUB_ACTIONS"):
        return Environment(
            service="github",
            workspace=_path(variables, "GITHUB_WORKSPACE"),
            step_summary=_path(variables, "GITHUB_STEP_SUMMARY"),
            step_outputs=_path(variables, "GITHUB_OUTPUT"),
        )
    if _is_true(variables, "GITLAB_CI"):
        return Environment(service="gitlab", workspace=_path(variables, "CI_PROJECT_DIR"))
    return Environment(service="other") if _is_true(variables, "CI") else None


def _is_true(variables: Mapping[str, str], name: str) -> bool:
    return variables.get(name, "").lower() in ("true", "1")


def _path(variables: Mapping[str, str], name: str) -> Path | None:
    text = variables.get(name)
    return Path(text) if text else None
