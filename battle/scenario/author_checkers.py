"""A scenario's own checkers: functions of its author that judge the log, found by name like its generators."""

import inspect
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import nullcontext, redirect_stdout
from itertools import islice
from pathlib import Path
from typing import Any, TypeAlias

from battle.actors.author_errors import AuthorsError
from battle.actors.author_files import beside
from battle.actors.author_functions import FunctionError, home_of, load_function, place_of, raised_at

FINDINGS_MAX = 100
"""Of one checker: what finds more has found one thing many times, or yields for ever."""

OwnChecker: TypeAlias = Callable[[Any], object]
"""From the `RunLog` to a `Finding`, or to several of them."""


class CheckerError(AuthorsError):
    """A checker of the author's cannot be loaded, or raised; the message is a sentence."""


class CheckerMissingError(CheckerError):
    """A checker cannot be found or loaded, or is none."""


def load_checker(name: str) -> OwnChecker:
    """The checker "package.module:function" or "path/to/file.py:function".

    Raises:
        CheckerMissingError: there is none, it does not take the log alone, or it would come with the files of a run.
    """
    if _is_in_a_run(name):
        raise CheckerMissingError(
            f"checker {name!r} is in the directory of a run, and files of a run are not executed"
        )
    try:
        checker = load_function(name, "checker")
    except FunctionError as error:
        raise CheckerMissingError(str(error)) from error.__cause__
    if inspect.iscoroutinefunction(checker) or inspect.isasyncgenfunction(checker):
        raise CheckerMissingError(
            f"checker {name!r}{place_of(checker)} must not be async: it is called, and not awaited"
        )
    if not _takes_one(checker):
        raise CheckerMissingError(
            f"checker {name!r}{place_of(checker)} must be a function of one argument, the log: "
            f"def {name.rpartition(':')[2]}(log)"
        )
    return checker


def checker_problems(names: Sequence[str]) -> Iterator[str]:
    """Each thing wrong with the checkers of a scenario, in a sentence. They are loaded, and not called."""
    for name, count in Counter(names).items():
        if count > 1:
            yield f"checker {name!r} is defined more than once"
        try:
            load_checker(name)
        except CheckerMissingError as error:
            yield str(error)


def answers_of(name: str, log: Any) -> list[object]:
    """What a checker returns for a log, as a list, also of one thing. What it prints goes to stderr.

    Raises:
        CheckerMissingError: it cannot be loaded.
        CheckerError: it raised; the message names the exception, its file and line.
    """
    home = home_of(name)
    with beside(home) if home is not None else nullcontext():  # it may import from there when it is called
        return _answers(name, load_checker(name), log)


def _answers(name: str, checker: OwnChecker, log: Any) -> list[object]:
    try:
        with redirect_stdout(sys.stderr):
            answer = checker(log)
            several = answer if isinstance(answer, Iterable) and not isinstance(answer, str) else [answer]
            answers = list(islice(several, FINDINGS_MAX + 1))
    except (Exception, SystemExit) as error:  # whatever the author's own code does is reported as theirs
        raise CheckerError(
            f"checker {name!r} raised {type(error).__name__}: {error}{raised_at(error)}"
        ) from error
    if len(answers) > FINDINGS_MAX:
        raise CheckerError(
            f"checker {name!r} returned more than {FINDINGS_MAX} findings: return one for each rule"
        )
    return answers


def _is_in_a_run(name: str) -> bool:
    """Whether it would be looked for among files that somebody may have passed on as data."""
    top = (home_of(name) or Path()).resolve()
    return any((folder / "run.json").exists() for folder in (top, *top.parents))


def _takes_one(checker: OwnChecker) -> bool:
    try:
        inspect.signature(checker).bind(None)
    except TypeError:
        return False
    except ValueError:
        return True  # nobody can say, as of what is written in C
    return True
