"""The expressions of GitHub Actions that our workflows use: literals, contexts, == != && || ! and functions."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

_TOKENS = re.compile(r"\s*(?:(\d+)|'((?:[^']|'')*)'|(==|!=|&&|\|\||[!().,])|([A-Za-z_][\w-]*))")
_EMBEDDED = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
_STATUS = re.compile(r"\b(?:always|success|failure|cancelled)\(")


class Expressions:
    """Evaluates expressions. `contexts` are what names stand for; `failed`: a step before this one did."""

    def __init__(self, contexts: Mapping[str, Any], failed: bool = False) -> None:
        self._contexts = contexts
        self._functions: dict[str, Callable[[], bool]] = {
            "always": lambda: True,
            "cancelled": lambda: False,
            "failure": lambda: failed,
            "success": lambda: not failed,
        }

    def condition(self, text: str | bool | None) -> bool:
        """Whether an `if:` holds; without one of the four functions `success()` is a part of it."""
        if text is None:
            return self._functions["success"]()
        whole = str(text).strip()
        found = _EMBEDDED.fullmatch(whole)
        expression = found[1] if found else whole
        holds = _true(self.value(expression))
        return holds and (bool(_STATUS.search(expression)) or self._functions["success"]())

    def filled(self, text: str) -> str:
        """A text with the values of what is embedded in it."""
        return _EMBEDDED.sub(lambda found: _text(self.value(found[1])), text)

    def value(self, expression: str) -> Any:
        """The value of an expression."""
        self._rest = self._tokens(expression)
        found = self._either()
        assert self._rest == [], f"not understood: {expression!r} from {self._rest}"
        return found

    def _tokens(self, expression: str) -> list[Any]:
        tokens: list[Any] = []
        at = 0
        while at < len(expression.rstrip()):
            found = _TOKENS.match(expression, at)
            assert found, f"not understood: {expression[at:]!r}"
            number, text, sign, name = found.groups()
            if number is not None:
                tokens.append(("value", int(number)))
            elif text is not None:
                tokens.append(("value", text.replace("''", "'")))
            else:
                tokens.append(("sign", sign) if sign else ("name", name))
            at = found.end()
        return tokens

    def _takes(self, *signs: str) -> str | None:
        if self._rest and self._rest[0][0] == "sign" and self._rest[0][1] in signs:
            return self._rest.pop(0)[1]
        return None

    def _either(self) -> Any:
        left = self._both()
        while self._takes("||"):
            right = self._both()
            left = left if _true(left) else right
        return left

    def _both(self) -> Any:
        left = self._compared()
        while self._takes("&&"):
            right = self._compared()
            left = right if _true(left) else left
        return left

    def _compared(self) -> Any:
        left = self._single()
        while sign := self._takes("==", "!="):
            left = (_loose(left) == _loose(self._single())) == (sign == "==")
        return left

    def _single(self) -> Any:
        if self._takes("!"):
            return not _true(self._single())
        if self._takes("("):
            found = self._either()
            assert self._takes(")")
            return found
        kind, token = self._rest.pop(0)
        if kind == "value":
            return token
        assert kind == "name", f"not understood: {token!r}"
        if self._takes("("):
            assert self._takes(")"), f"{token}() takes nothing"
            return self._functions[token]()
        if token in ("true", "false", "null"):
            return {"true": True, "false": False, "null": None}[token]
        return self._member(token)

    def _member(self, name: str) -> Any:
        found: Any = self._contexts[name]
        while self._takes("."):
            _, name = self._rest.pop(0)
            found = found.get(name) if isinstance(found, Mapping) else None
        return found


def _true(value: Any) -> bool:
    return value not in (None, False, 0, "")


def _loose(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else "" if value is None else value


def _text(value: Any) -> str:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def matrix_of(job: Mapping[str, Any]) -> Sequence[dict[str, str]]:
    """The combinations of a matrix with one key, or one empty combination."""
    matrix = job.get("strategy", {}).get("matrix", {})
    assert len(matrix) <= 1
    return [{key: value} for key, values in matrix.items() for value in values] or [{}]
