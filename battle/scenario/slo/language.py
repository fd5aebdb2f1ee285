"""SLOs as text: `p95_latency_ms < 300 during fault` reads as `Slo(p95_latency_ms=300, when="during")`.

    slo     = name   ( "<=" | "<" | ">=" | ">" ) number [ "%" ] { part }
    part    = ( "before" | "during" | "after" ) ( "fault" | "faults" ) { word }
            | "in" [ "phase" ] name
            | "grace" duration
            | [ "for" | "of" | "and" ] ( "workload" | "method" ) name

A word with blanks, or one that is a keyword, stands in double quotes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, NoReturn

from battle.actors.units import duration_problem, exact_duration, parse_duration
from battle.scenario.slo.metrics import METRICS
from battle.scenario.slo.scope import (
    AFTER,
    BEFORE,
    DURING,
    RELATIVE,
    RESERVED,
    RUN,
)
from battle.scenario.slo.slo import Slo

_TOKEN = re.compile(r'\s*(?:"(?P<quoted>[^"]*)"|(?P<word><=|>=|<|>|==|=|%|[^\s<>="%]+)|(?P<bad>\S))')
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_PARTS = (*RELATIVE, "in", "for", "of", "and", "workload", "method", "grace")

TEXT_MAX = 1000
"""Characters of one text: more is not an SLO."""


class SloTextError(ValueError):
    """A text is no SLO: the message names the word and says what may stand there."""


class _Token(NamedTuple):
    text: str
    at: int
    quoted: bool = False


def parse_slo(text: str) -> Slo:
    """The SLO that the text makes. Raises SloTextError; values and scopes are checked by `Slo.problems`."""
    return _Reader(text).slo()


def slo_texts(slo: Slo) -> tuple[str, ...]:
    """A text for each of the SLOs, but for those on SQL: `parse_slo` reads it as that SLO alone."""
    where = " ".join(_scope_words(slo))
    return tuple(
        f"{name} {'>=' if METRICS[name].at_least else '<='} {_number(limit)} {where}".rstrip()
        for name, limit in slo.targets().items()
    )


def _number(limit: float) -> str:
    return str(limit) if isinstance(limit, int) else repr(limit)


def _scope_words(slo: Slo) -> Iterator[str]:
    if slo.when in RELATIVE:
        yield f"{slo.when} faults" if slo.fault is None else f"{slo.when} fault"
        yield from (_word(word) for word in (slo.fault or "").split())
        if slo.grace:
            yield f"grace {exact_duration(slo.grace)}"
    elif slo.when != RUN:
        yield f"in phase {_word(slo.when)}"
    if slo.workload is not None:
        yield f"for workload {_word(slo.workload)}"
    if slo.method is not None:
        yield f"method {_word(slo.method)}"


def _word(word: str) -> str:
    plain = re.fullmatch(r'[^\s<>="%]+', word) is not None and word not in RESERVED
    return word if plain else f'"{word}"'


class _Reader:
    """Reads one text from left to right."""

    def __init__(self, text: str) -> None:
        self._text = text
        if len(text) > TEXT_MAX:
            raise SloTextError(f"an SLO's text has at most {TEXT_MAX:,} characters, not {len(text):,}")
        self._next = 0
        self._values: dict[str, Any] = {}
        self._tokens = []
        for match in _TOKEN.finditer(text.rstrip()):
            kind = match.lastgroup or "bad"
            token = _Token(match[kind], match.start(kind), kind == "quoted")
            if kind == "bad":
                self._refuse(token, "this quote is never closed")
            self._tokens.append(token)

    def slo(self) -> Slo:
        name = self._take("an SLO name")
        if name.text not in METRICS:
            self._refuse(name, f"there is no such SLO; the SLOs are: {', '.join(METRICS)}")
        self._values[name.text] = self._limit(name.text)
        while self._next < len(self._tokens):
            self._part()
        return Slo(**self._values)

    def _limit(self, name: str) -> float:
        towards = (">=", ">") if METRICS[name].at_least else ("<=", "<")
        operator = self._take(f"{towards[0]} or {towards[1]}")
        if operator.text not in towards:
            self._refuse(operator, f"{name} is limited by {towards[0]} or {towards[1]}")
        number = self._take("a number")
        if not _NUMBER.fullmatch(number.text):
            unit = METRICS[name].unit
            meant = {"ratio": "such as 99.9% or 0.999", "ms": "of milliseconds, without a unit, such as 300"}
            self._refuse(number, f"{name} takes a number {meant.get(unit, 'such as 10')}")
        value = float(number.text)
        if value in (float("inf"), float("-inf")):
            self._refuse(number, "this number is too large")
        if self._peek() == "%":
            if METRICS[name].unit != "ratio":
                self._refuse(self._tokens[self._next], f"only success_rate is a share; {name} is not")
            self._next += 1
            value = float(f"{value / 100:.12g}")
        if not METRICS[name].count:
            return int(value) if value == int(value) and "." not in number.text else value
        if value != int(value):
            self._refuse(number, f"{name} takes a whole number")
        # A count has a next one: "< 1" means none, "> 0" one at least.
        return int(value) + {"<": -1, ">": 1}.get(operator.text, 0)

    def _part(self) -> None:
        token = self._take("a part")
        match token.text if not token.quoted else "":
            case "before" | "during" | "after":
                self._relative(token)
            case "in":
                if self._peek() == "phase" and self._next + 1 < len(self._tokens):
                    self._next += 1
                self._set(token, "when", self._take("the name of a phase").text)
            case "grace":
                self._set(token, "grace", self._duration())
            case "for" | "of" | "and" if self._peek() in ("workload", "method"):
                pass
            case "for" | "of" | "and":
                self._take_one_of("workload", "method")
            case "workload" | "method":
                self._set(token, token.text, self._take(f"the name of a {token.text}").text)
            case _:
                self._refuse(token, f"expected one of {', '.join(_PARTS)}, or the end")

    def _relative(self, when: _Token) -> None:
        self._take_one_of("fault", "faults")
        self._set(when, "when", {"before": BEFORE, "during": DURING, "after": AFTER}[when.text])
        words = []
        while self._next < len(self._tokens):
            token = self._tokens[self._next]
            if not token.quoted and token.text in _PARTS:
                break
            words.append(token.text)
            self._next += 1
        if words:
            self._set(when, "fault", " ".join(words))

    def _duration(self) -> int:
        token = self._take("a duration such as 5s")
        text = token.text
        while (more := self._peek()) is not None and parse_duration(f"{text} {more}") is not None:
            text = f"{text} {self._take('a unit').text}"
        value = parse_duration(text)
        if value is None:
            self._refuse(token, f"grace takes a duration such as 5s or 500ms: {duration_problem(text)}")
        return value

    def _set(self, token: _Token, name: str, value: object) -> None:
        if name in self._values:
            self._refuse(token, f"{name} is given twice")
        self._values[name] = value

    def _peek(self) -> str | None:
        return self._tokens[self._next].text if self._next < len(self._tokens) else None

    def _take(self, what: str) -> _Token:
        if self._next == len(self._tokens):
            raise SloTextError(f"{self._text!r} ends too early: expected {what} after it")
        self._next += 1
        return self._tokens[self._next - 1]

    def _take_one_of(self, *words: str) -> None:
        token = self._take(" or ".join(words))
        if token.text not in words:
            self._refuse(token, f"expected {' or '.join(words)}")

    def _refuse(self, token: _Token, why: str) -> NoReturn:
        raise SloTextError(f'{self._text!r}, at "{token.text}" (character {token.at + 1}): {why}')


def slos_of(stated: Slo | str | Iterable[Slo | str]) -> tuple[Slo, ...]:
    """The SLOs, those in words read. Raises SloTextError."""
    listed = [stated] if isinstance(stated, Slo | str) else stated
    return tuple(parse_slo(one) if isinstance(one, str) else one for one in listed)
