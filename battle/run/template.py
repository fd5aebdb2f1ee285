"""A gateway's template is filled in by a process of its own, because that can be ended.

A template is a program: it can loop for ever, and make a text that fits no memory, inside one call that hears of no
interruption. So it has a deadline, the kernel limits what it takes, and Ctrl-C ends the waiting at once.

    python -m battle.run.template < JSON of a Task > JSON of a Filled
"""

import resource
import subprocess
import sys
from typing import Any

import msgspec

from battle.store import typed
from battle.store.helper_process import answer_of

TEMPLATE_SECONDS = 10.0
"""For a template to be filled in: 0.1 s are usual, with the start of the process."""

TEMPLATE_MEMORY_BYTES = 512 * 2**20
"""What the process may take: 40 MB are usual."""

TEMPLATE_BYTES_MAX = 16 * 2**20
"""Of a configuration: the largest that was seen has 100 kB."""


MISTAKE_CHARACTERS_MAX = 500
"""Of what Jinja or Python say about a mistake: they may quote the whole of it."""


class TemplateProblem(Exception):
    """The template cannot be filled in; the message says why, as the end of a sentence about it."""


class Task(msgspec.Struct, frozen=True):
    """A template, and the values of its variables."""

    template: str
    values: dict[str, Any]


class RenderedTemplate(msgspec.Struct, frozen=True):
    """What came of it: a text, or a problem."""

    text: str = ""
    problem: str | None = None


def filled(template: str, values: dict[str, Any], *, seconds: float | None = None) -> str:
    """The template with its variables filled in.

    Raises:
        TemplateProblem: it has a mistake, or takes more memory than it may, or longer than `seconds`, which are
            TEMPLATE_SECONDS when nothing is said.
    """
    seconds = TEMPLATE_SECONDS if seconds is None else seconds
    try:
        task = msgspec.json.encode(Task(template, values))
    except UnicodeEncodeError as error:
        raise TemplateProblem(f"is no valid UTF-8, at character {error.start + 1}") from None
    try:
        said = answer_of([sys.executable, "-m", "battle.run.template"], task, seconds=seconds)
    except subprocess.TimeoutExpired:
        raise TemplateProblem(f"takes longer than {seconds:g} s: does a loop in it ever end?") from None
    try:
        answer = typed.decode(said, RenderedTemplate)
    except msgspec.DecodeError:
        raise TemplateProblem(_TOO_MUCH) from None  # it was ended by the kernel
    if answer.problem is not None:
        raise TemplateProblem(answer.problem)
    return answer.text


_TOO_MUCH = f"takes more than {TEMPLATE_MEMORY_BYTES // 2**20} MB of memory"


def _answer(task: Task) -> RenderedTemplate:
    import jinja2

    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined, autoescape=False, keep_trailing_newline=True
    )
    try:
        text = environment.from_string(task.template).render(**task.values)
        size = len(text.encode())
    except MemoryError:
        return RenderedTemplate(problem=_TOO_MUCH)
    except jinja2.TemplateError as error:
        return _mistake(str(error))
    except Exception as error:  # the author's own expressions: 1 / 0, say
        return _mistake(f"{type(error).__name__}: {error}")
    if size > TEMPLATE_BYTES_MAX:
        return RenderedTemplate(problem=f"makes a text of {size:,} bytes, of at most {TEMPLATE_BYTES_MAX:,}")
    return RenderedTemplate(text)


def _mistake(words: str) -> RenderedTemplate:
    """One line, of which each character can be passed on."""
    line = " ".join(words.encode(errors="backslashreplace").decode().split())
    return RenderedTemplate(problem=f"has a mistake: {line[:MISTAKE_CHARACTERS_MAX]}")


def main() -> None:
    """Fill in the template that is on standard input."""
    resource.setrlimit(resource.RLIMIT_DATA, (TEMPLATE_MEMORY_BYTES, TEMPLATE_MEMORY_BYTES))
    cpu_seconds = int(2 * TEMPLATE_SECONDS)  # whoever waits may be killed, and end nobody any more
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds))
    task = typed.decode(sys.stdin.buffer.read(), Task)
    sys.stdout.buffer.write(msgspec.json.encode(_answer(task)))


if __name__ == "__main__":
    main()
