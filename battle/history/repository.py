"""The user's git repository: its commits, and worktrees of them that are gone afterwards.

Nothing here touches the user's checkout, index, branches or stash: git is asked, and worktrees are made in a
temporary directory, without running any of the repository's hooks.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from battle.errors import BattleError
from battle.store.helper_process import Ended, outcome_of
from battle.store.interruptions import interruptions_wait, scratch_directory

QUESTION_SECONDS = 60.0
"""For what git answers from its database: milliseconds are usual, some seconds on a slow network drive."""

CHECKOUT_SECONDS = 600.0
"""For all files of a commit: a large repository has gigabytes of them."""

COMMITS_MAX = 10_000
"""Between GOOD and BAD: years of a busy repository. The sets of commits take a square of it in memory."""

SHORT = 10
"""Characters of a hash that are enough to name its commit."""

_OF_ONE_REPOSITORY = (
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_DIR",
    "GIT_GRAFT_FILE",
    "GIT_INDEX_FILE",
    "GIT_NAMESPACE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_SHALLOW_FILE",
    "GIT_WORK_TREE",
)
"""Variables that a git hook has, and that would make every git below a worktree work on the user's checkout."""

_GIT = (
    "git",
    "--no-optional-locks",
    *("-c", "core.hooksPath=/dev/null"),
    *("-c", "core.fsmonitor=false"),
    *("-c", "gc.auto=0"),
    *("-c", "submodule.recurse=false"),
)


class CommitFacts(msgspec.Struct, frozen=True):
    """A commit: its full hash, its author's name, the author's date (RFC 3339) and the first line of its message."""

    hash: str
    author: str
    date: str
    subject: str

    @property
    def short(self) -> str:
        """Enough of its hash."""
        return self.hash[:SHORT]


class Repository(msgspec.Struct, frozen=True):
    """A repository. `top` is the directory of the user's checkout; `environ` are the variables that git is given."""

    top: Path
    environ: Mapping[str, str]

    def commit(self, text: str, what: str) -> str:
        """The hash of the commit that `text` means. Raises BattleError, with `what` it is for: "GOOD"."""
        ended = self._ended(["rev-parse", "--verify", "--quiet", f"{text}^{{commit}}"])
        if ended.status or text.startswith("-"):
            raise BattleError(f"{what}: there is no commit {text!r} in the repository {self.top}")
        return _text(ended).strip()

    def facts(self, commit: str) -> CommitFacts:
        """What is to be said of a commit."""
        answer = self._answer(
            [
                "show",
                "--no-patch",
                "--no-show-signature",
                "--encoding=UTF-8",
                "--format=%H%x00%an%x00%aI%x00%s",
            ],
            commit,
        )
        return CommitFacts(*answer.rstrip("\n").split("\0"))

    def contains(self, commit: str, other: str) -> bool:
        """Whether `other` is an ancestor of `commit`, or the same."""
        return self._ended(["merge-base", "--is-ancestor", other, commit]).status == 0

    @property
    def is_shallow(self) -> bool:
        """Whether a part of its history was not fetched, as in most CI jobs."""
        return self._answer(["rev-parse", "--is-shallow-repository"]).strip() == "true"

    def between(self, good: str, bad: str) -> dict[str, list[str]]:
        """Each commit that `bad` contains and `good` does not, with its parents.

        Raises:
            BattleError: there are more than COMMITS_MAX.
        """
        count = int(self._answer(["rev-list", "--count", f"{good}..{bad}"]))
        if count > COMMITS_MAX:
            raise BattleError(
                f"there are {count:,} commits between GOOD and BAD, of at most {COMMITS_MAX:,}: give a later GOOD"
            )
        lines = self._answer(["rev-list", "--parents", "--topo-order", f"{good}..{bad}"]).splitlines()
        return {words[0]: words[1:] for words in map(str.split, lines)}

    @contextmanager
    def worktree(self, commit: str) -> Iterator[Path]:
        """A directory with the files of a commit. It is gone afterwards, and git knows nothing of it any more.

        Raises:
            CheckoutError: git cannot write the files.
        """
        with scratch_directory("battle-bisect-") as scratch:
            place = scratch / commit[:SHORT]
            try:
                with interruptions_wait():  # half a worktree could not be removed; it takes milliseconds
                    self._checkout(
                        ["worktree", "add", "--detach", "--no-checkout", str(place), commit], self.top
                    )
                self._checkout(["reset", "--hard", "--quiet"], place)
                yield place
            finally:
                with interruptions_wait(), suppress(BattleError):
                    self._ended(["worktree", "remove", "--force", "--force", str(place)], CHECKOUT_SECONDS)

    def _checkout(self, words: Sequence[str], directory: Path) -> None:
        try:
            ended = outcome_of(
                [*_GIT, *words], directory=directory, environ=self.environ, seconds=CHECKOUT_SECONDS
            )
        except TimeoutError:
            raise CheckoutError(f"git takes longer than {CHECKOUT_SECONDS:g} s to write its files") from None
        if ended.status:
            raise CheckoutError(f"git cannot write its files: {last_line(ended.err)}")

    def _answer(self, words: Sequence[str], *more: str) -> str:
        ended = self._ended([*words, *more])
        if ended.status:
            raise BattleError(f"git {words[0]} failed in {self.top}: {last_line(ended.err)}")
        return _text(ended)

    def _ended(self, words: Sequence[str], seconds: float = QUESTION_SECONDS) -> Ended:
        return _git(words, self.top, self.environ, seconds)


class CheckoutError(Exception):
    """The files of a commit cannot be written; the message is why."""


def repository_of(directory: Path, environ: Mapping[str, str]) -> Repository:
    """The repository in whose checkout a directory is.

    Raises:
        BattleError: it is in none, or there is no git.
    """
    ours = {name: value for name, value in environ.items() if name not in _OF_ONE_REPOSITORY}
    ours["GIT_TERMINAL_PROMPT"] = "0"
    ended = _git(["rev-parse", "--show-toplevel"], directory, ours, QUESTION_SECONDS)
    if ended.status:
        raise BattleError(f"{directory} is in no checkout of a git repository: {last_line(ended.err)}")
    return Repository(Path(os.fsdecode(ended.out.removesuffix(b"\n"))), ours)


def _git(words: Sequence[str], directory: Path, environ: Mapping[str, str], seconds: float) -> Ended:
    try:
        return outcome_of([*_GIT, *words], directory=directory, environ=environ, seconds=seconds)
    except TimeoutError:
        raise BattleError(f"git {words[0]} takes longer than {seconds:g} s in {directory}") from None
    except OSError as error:
        raise BattleError(f"git cannot be started, install it: {error.strerror}") from None


def _text(ended: Ended) -> str:
    return ended.out.decode(errors="replace")


def last_line(said: bytes) -> str:
    """The last line that a program said which is not empty; programs end with what is wrong."""
    lines = [line.strip() for line in said.decode(errors="replace").splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"
