"""`battle ci init`."""

import configparser
from pathlib import Path
from typing import Annotated

import typer

from battle.actors.world.interfaces import WorldName
from battle.ci.named_files import check_files
from battle.ci.workflows import (
    GITLAB_FILE,
    GITLAB_ROOT,
    Kind,
    Workflow,
    check_words,
    install_command,
    workflow_files,
)
from battle.cli.options import World
from battle.defaults import DEFAULT_BASELINES
from battle.errors import BattleError, plain
from battle.formatting import names_text, plural
from battle.scenario.data.files import DATA_FILE_BYTES_MAX
from battle.scenario.discovery import Skipped
from battle.scenario.loader import found_at
from battle.store.regular import read_regular, writable_place
from battle.suite.selection import FULL, left_out

command = typer.Typer(
    help="Write a workflow for GitHub Actions or GitLab CI into this repository.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)

WHEELS = "battle_gateway-*.whl"


@command.callback()
def group() -> None:
    """Write a workflow for GitHub Actions or GitLab CI into this repository."""


@command.command("init")
def ci_init(
    service: Annotated[
        Kind | None,
        typer.Argument(help="github or gitlab. Default: the service this repository is at."),
    ] = None,
    path: Annotated[Path, typer.Option("--path", metavar="PATH", help="Where the scenarios are.")] = Path(
        "battles"
    ),
    install: Annotated[
        str | None,
        typer.Option(
            metavar="WHEEL|URL@COMMIT",
            help="How CI installs Battle. Default: from the wheel in this repository.",
        ),
    ] = None,
    world: World = "live",
    gateway: Annotated[
        str | None,
        typer.Option(metavar="NAME|URL|FILE", help="The gateway to test instead of the scenarios' own."),
    ] = None,
    python: Annotated[str, typer.Option(metavar="VERSION", help="The version of Python.")] = "3.11",
    branch: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="The branch that changes are merged into (GitHub). Default: that of origin, or the current one.",
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite files that are there.")] = False,
) -> None:
    """Write a workflow: fast battles on pull requests, more on merge, all of them at night."""
    here = Path()
    kind = service or service_of(here)
    branch = branch or branch_of(here)
    check_words(python, branch, path.as_posix(), gateway)
    source = install or wheel_in(here)
    install_with = install_command(source)
    check_files(path, gateway, source)
    workflow = Workflow(
        install=install_with,
        cached_by=(source if source.endswith(".whl") else ".github/workflows/battles.yml",),
        scenarios=path.as_posix(),
        worlds=(world,),
        gateway=gateway,
        python=python,
        branch=branch,
    )
    written = write_files(workflow_files(kind, workflow), here, force=force)
    print("\n".join([*written, "", *next_steps(kind, path, source, world, here)]))


def service_of(directory: Path) -> Kind:
    """The service by the folder of its workflows, else by the address of the remote `origin`.

    Raises:
        BattleError: neither says which.
    """
    if (directory / ".gitlab-ci.yml").exists():
        return "gitlab"
    if (directory / ".github").is_dir():
        return "github"
    remote = _remote(directory / ".git" / "config")
    kinds: tuple[Kind, ...] = ("github", "gitlab")
    for kind in kinds:
        if kind in remote:
            return kind
    raise BattleError(
        "it is unknown which CI service this repository uses: "
        "use `battle ci init github` or `battle ci init gitlab`"
    )


def branch_of(directory: Path) -> str:
    """The branch that changes are merged into: that of `origin`, else `main` or `master` if it is checked out."""
    origin = _named_by(directory / ".git" / "refs" / "remotes" / "origin" / "HEAD")
    here = _named_by(directory / ".git" / "HEAD")
    return origin or (here if here == "master" else "main")


def _named_by(reference: Path) -> str:
    """The branch that a symbolic reference of git names; nothing when it is none."""
    try:
        text = read_regular(reference, DATA_FILE_BYTES_MAX).decode().strip()
    except (OSError, UnicodeDecodeError):
        return ""
    branch = text.partition("ref: ")[2]
    return branch.removeprefix("refs/heads/").removeprefix("refs/remotes/origin/")


def _remote(config: Path) -> str:
    """The host of `origin`, in lower case; nothing when git's configuration does not say it."""
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    try:
        parser.read_string(read_regular(config, DATA_FILE_BYTES_MAX).decode())
    except (configparser.Error, OSError, UnicodeDecodeError):
        return ""
    url = parser.get('remote "origin"', "url", fallback="").lower()
    return url.rpartition("@")[2].removeprefix("https://").partition("/")[0].partition(":")[0]


def wheel_in(directory: Path) -> str:
    """The newest of Battle's wheels at the top of the repository, or one folder below.

    Raises:
        BattleError: there is none.
    """
    found = sorted([*directory.glob(WHEELS), *directory.glob(f"[!.]*/{WHEELS}")], key=lambda path: path.name)
    if not found:
        raise BattleError(
            "it is unknown how CI installs Battle, which no package index has: commit a wheel, as made by "
            "`pip wheel --no-deps --wheel-dir vendor path/to/checkout`, or give --install with the URL of a git "
            "repository, and @ and a commit at its end"
        )
    return found[-1].as_posix()


def write_files(texts: dict[str, str], directory: Path, *, force: bool) -> list[str]:
    """Write them all, or none; return a line for each. A `.gitlab-ci.yml` that is there stays, and is named.

    Raises:
        BattleError: one is there, and `force` is not set; or it cannot be written.
    """
    kept = [name for name in texts if name == GITLAB_ROOT and (directory / name).exists()]
    new = {name: text for name, text in texts.items() if name not in kept}
    there = [name for name in new if (directory / name).exists()]
    if there and not force:
        raise BattleError(f"{', '.join(there)} is there already: use --force to overwrite it")
    for name, text in new.items():
        try:
            (directory / name).parent.mkdir(parents=True, exist_ok=True)
            writable_place(directory / name).write_text(text, encoding="utf-8", newline="\n")
        except OSError as error:
            raise BattleError(f"{name} cannot be written: {plain(error)}") from None
    return [
        *(f"wrote {name}" for name in new),
        *(f"kept {name}: add `- local: {GITLAB_FILE}` to its `include`" for name in kept),
    ]


def next_steps(kind: Kind, path: Path, source: str, world: WorldName, directory: Path) -> list[str]:
    """What is left to do, a line each."""
    there = (directory / path).exists()
    tags = "those for each pull request with tags=('fast',)"
    steps = _tags_to_give(directory / path) if there else [f"write scenarios in {path}, {tags}"]
    if not any((directory / DEFAULT_BASELINES).glob("*.json")):
        steps.append(
            f"keep a baseline: battle suite {path} --world {world}, then battle baseline save suites/latest"
        )
    committed = "the workflow, the scenarios, battle_baselines/"
    steps.append(f"commit {committed} and {source}" if source.endswith(".whl") else f"commit {committed}")
    if kind == "github":
        steps.append("for Slack: gh secret set SLACK_WEBHOOK_URL (an incoming webhook's address)")
    else:
        steps.append("for every night: add a pipeline schedule (Build > Pipeline schedules)")
        steps.append("for Slack: add the masked variable SLACK_WEBHOOK_URL (Settings > CI/CD > Variables)")
    return ["What is left to do:", *(f"  {number}. {step}" for number, step in enumerate(steps, 1))]


def _tags_to_give(scenarios: Path) -> list[str]:
    """A step for scenarios that no event would run: they carry none of the tags that the workflow chooses by."""
    found = [one for one in found_at(scenarios) if not isinstance(one, Skipped)]
    names = left_out(found, FULL).forgotten
    if not names:
        return []
    which = f"{plural(len(names), 'scenario')} that no event would run: {names_text(names)}"
    return [f"give one of the tags {', '.join(FULL)} to {which}"]
