"""The workflows that `battle ci init` writes, made from the templates beside this file."""

import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias

import jinja2
import msgspec

from battle.actors.world.interfaces import WorldName
from battle.errors import BattleError

TEMPLATES = Path(__file__).parent / "templates"

Kind: TypeAlias = Literal["github", "gitlab"]
"""For which there are templates."""

GITHUB_FILE = ".github/workflows/battles.yml"
GITLAB_FILE = ".gitlab/battles.yml"
GITLAB_ROOT = ".gitlab-ci.yml"

_SOURCE = re.compile(r"https://[\w.-]+(?::\d+)?/[\w./~-]+@[\w./-]+")
_PYTHON = re.compile(r"3\.\d+")
_BRANCH = re.compile(r"[\w./-]+")
_PATH = re.compile(r"[\w./ -]+")
_UNUSUAL = "use letters, digits, spaces and . _ - / only"


class Workflow(msgspec.Struct, frozen=True, kw_only=True):
    """What a workflow is made from.

    `install` is the command that installs Battle, `cached_by` are the files that say which packages that brings.
    `scenarios` is where the scenarios are; None: those that come with Battle.
    """

    install: str
    cached_by: tuple[str, ...]
    scenarios: str | None
    worlds: tuple[WorldName, ...]
    gateway: str | None = None
    python: str = "3.11"
    branch: str = "main"
    name: str = "Battles"


def workflow_files(kind: Kind, workflow: Workflow) -> dict[str, str]:
    """The files for a repository, by their paths in it."""
    if kind == "github":
        return {GITHUB_FILE: rendered("github.yml.j2", workflow)}
    return {
        GITLAB_FILE: rendered("gitlab.yml.j2", workflow),
        GITLAB_ROOT: rendered("gitlab-include.yml.j2", workflow),
    }


def rendered(template: str, workflow: Workflow, folders: Sequence[Path] = ()) -> str:
    """The text of a workflow. Templates in `folders` may extend those of Battle."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([*folders, TEMPLATES]),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # YAML: what is put in is checked by `problems`
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        # The usual marks are GitHub's own.
        variable_start_string="<<",
        variable_end_string=">>",
        block_start_string="<%",
        block_end_string="%>",
        comment_start_string="<#",
        comment_end_string="#>",
    )
    text = environment.get_template(template).render(**_values(workflow))
    return re.sub(r"\n{3,}", "\n\n", re.sub(r"[ \t]+\n", "\n", text))


def _values(workflow: Workflow) -> dict[str, Any]:
    arguments = [shlex.quote(workflow.scenarios)] if workflow.scenarios else []
    if workflow.gateway is not None:
        arguments += ["--gateway", shlex.quote(workflow.gateway)]
    return {
        **msgspec.structs.asdict(workflow),
        "suite_arguments": " ".join([*arguments, ""]) if arguments else "",
        "battles": GITLAB_FILE,
    }


def install_command(source: str) -> str:
    """The command that installs Battle from a wheel in the repository, or from `https://HOST/OWNER/NAME@COMMIT`.

    Raises:
        BattleError: it is neither. No package index has Battle, so there is no other way.
    """
    if source.endswith(".whl") and _PATH.fullmatch(source):
        return f"python -m pip install {shlex.quote(source)}"
    if _SOURCE.fullmatch(source):
        return f"python -m pip install {shlex.quote(f'battle-gateway @ git+{source}')}"
    raise BattleError(
        "--install is a wheel in this repository, or the https URL of a git repository, without a password, "
        f"with @ and a commit at its end, not {source!r}"
    )


def check_words(python: str, branch: str, scenarios: str, gateway: str | None) -> None:
    """See that what is put into YAML and into a shell is a plain word. Raises BattleError."""
    checked = (
        ("--python", python, _PYTHON, "use a version such as 3.11"),
        ("--branch", branch, _BRANCH, "use letters, digits and . _ - / only"),
        ("--path", scenarios, _PATH, _UNUSUAL),
    )
    for option, value, pattern, hint in checked:
        if not pattern.fullmatch(value):
            raise BattleError(f"{option} {value!r} cannot be put into a workflow: {hint}")
    if scenarios.startswith("/") or ".." in scenarios.split("/"):
        raise BattleError(f"--path {scenarios!r} is outside of this repository, and CI has nothing else")
    if gateway is not None and not re.fullmatch(r"[\w./:%?=&@~-]+", gateway):
        raise BattleError(
            f"--gateway {gateway!r} cannot be put into a workflow: it is not a name, URL or file"
        )
