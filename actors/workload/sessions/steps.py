"""The script of sessions that a scenario lists as steps. Pure."""

from typing import Any

from battle.actors.chain.expected_answers import same_json
from battle.actors.session_failures import SessionFailed
from battle.actors.spec.workloads.sessions import SessionStep, placeholders
from battle.actors.workload.sessions.script import Script


def listed_steps(steps: tuple[SessionStep, ...]) -> Script:
    """What the steps say, one after the other."""
    saved: dict[str, Any] = {}
    for step in steps:
        result: Any = None
        for turn in range(step.times):
            if turn and step.pause:
                yield step.pause
            result = yield step.method, _filled(step.params, saved)
            if step.until_found and result:
                break
        if step.until_found and not result:
            raise SessionFailed(f"{step.method}: nothing was found, asked {step.times} times")
        if step.expect and not same_json(result, _filled(step.expect["result"], saved)):
            raise SessionFailed(f"{step.method}: the answer is not the one that the step expects")
        if step.save:
            saved[step.save] = result


def _filled(value: Any, saved: dict[str, Any]) -> Any:
    """The same with what was saved in the place of its names."""
    if isinstance(value, list):
        return [_filled(one, saved) for one in value]
    if isinstance(value, dict):
        return {name: _filled(one, saved) for name, one in value.items()}
    for name, path in placeholders(value) if isinstance(value, str) else ():
        return _part(saved[name], name, path)
    return value


def _part(value: Any, name: str, path: str) -> Any:
    for key in path.split(".")[1:]:
        if isinstance(value, dict) and key in value:
            value = value[key]
        elif isinstance(value, list) and key.isdecimal() and int(key) < len(value):
            value = value[int(key)]
        else:
            raise SessionFailed(f"the answer saved as {name!r} has no {path[1:]}")
    return value
