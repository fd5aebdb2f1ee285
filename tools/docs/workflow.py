"""This repository's own workflow, from the templates of `battle ci init`."""

from pathlib import Path

from battle.ci.workflows import Workflow, rendered

ROOT = Path(__file__).parent.parent.parent
PATH = ROOT / ".github" / "workflows" / "battle-tests.yml"
TEMPLATE = "battle-tests.yml.j2"

OURS = Workflow(
    name="Battle tests",
    install="python -m pip install -c constraints.txt .",
    cached_by=("pyproject.toml", "constraints.txt"),
    scenarios=None,  # those that come with Battle
    worlds=("simulated", "live"),
)


def workflow() -> str:
    """The whole file."""
    return rendered(TEMPLATE, OURS, [Path(__file__).parent])
