"""The runners that tests run our workflows with do what GitHub does."""

import subprocess
from pathlib import Path

import pytest

from tests.battle.ci.expressions import Expressions
from tests.battle.ci.github_runner import GitHub

CONTEXTS = {
    "github": {"event_name": "push", "event": {"pull_request": None}, "ref": "refs/heads/main"},
    "steps": {"battle": {"outputs": {"verdict": "PASS"}}},
}


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("github.event_name == 'PUSH'", True),
        ("github.event_name != 'push' || github.ref == 'refs/heads/main'", True),
        ("github.event_name == 'pull_request' && 30 || 120", 120),
        ("github.event.pull_request.head.repo.full_name == github.repository", True),
        ("steps.battle.outputs.verdict", "PASS"),
        ("steps.other.outputs.verdict != ''", False),
        ("!(true && false)", True),
        ("'it''s'", "it's"),
    ],
)
def test_an_expression_has_its_value(expression, value):
    assert Expressions(CONTEXTS).value(expression) == value


@pytest.mark.parametrize(
    ("condition", "after_failure"),
    [
        (None, False),
        ("true", False),
        ("always()", True),
        ("${{ !cancelled() && true }}", True),
        ("failure()", True),
        ("success()", False),
    ],
)
def test_after_a_failure_only_those_steps_run_that_say_so(condition, after_failure):
    assert Expressions(CONTEXTS, failed=True).condition(condition) is after_failure


WORKFLOW = """
name: Ours
on: push
jobs:
  second:
    needs: first
    if: ${{ !cancelled() }}
    steps:
      - uses: actions/checkout@v6
      - uses: actions/download-artifact@v7
        with:
          pattern: kept-*
          path: results
      - run: cat results/kept-*/file
  third:
    needs: first
    steps:
      - run: echo never
  first:
    strategy:
      matrix:
        letter: [a, b]
    steps:
      - uses: actions/checkout@v6
      - id: one
        env:
          LETTER: ${{ matrix.letter }}
        run: |
          mkdir kept
          echo "$LETTER" > kept/file
          echo "letter=$LETTER" >> "$GITHUB_OUTPUT"
          echo "GREETING=hello" >> "$GITHUB_ENV"
          echo "# $LETTER" >> "$GITHUB_STEP_SUMMARY"
      - name: Greeting
        env:
          OUTPUT: ${{ steps.one.outputs.letter }}
        run: |
          echo "$GREETING $OUTPUT"
          test "$OUTPUT" != b | cat
      - run: echo skipped
      - uses: actions/upload-artifact@v6
        if: always()
        with:
          name: kept-${{ matrix.letter }}
          path: kept
"""


def test_jobs_run_in_order_with_files_outputs_and_artifacts(tmp_path: Path) -> None:
    repository = tmp_path / "mine"
    repository.mkdir()
    (repository / "workflow.yml").write_text(WORKFLOW)
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "All"]):
        git = ["git", "-c", "user.name=Me", "-c", "user.email=me@example.com", *command]
        subprocess.run(git, cwd=repository, check=True, timeout=60)
    github = GitHub(repository, tmp_path / "github", tmp_path, {})
    results, steps = github.run(repository / "workflow.yml", "push")
    assert results == {"first": "failure", "second": "success", "third": "skipped"}
    said = {(step.job, step.name): [] for step in steps}
    for step in steps:
        said[step.job, step.name].append((step.outcome, step.text.strip()))
    assert said["first", "Greeting"] == [("success", "hello a"), ("failure", "hello b")]
    assert said["first", "echo skipped"] == [("success", "skipped"), ("skipped", "")]
    assert said["second", "cat results/kept-*/file"] == [("success", "a\nb")]
    assert [step.summary for step in steps if step.summary] == ["# a\n", "# b\n"]
