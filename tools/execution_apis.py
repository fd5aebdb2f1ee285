"""Keep what the specification of Ethereum's JSON-RPC methods says of those that mock providers answer.

    python -m tools.execution_apis CHECKOUT

CHECKOUT is a git repository of github.com/ethereum/execution-apis (CC0). Writes two files beside the tests: the
schemas of parameters and results, without their words, and the shorter of the recorded requests with their answers.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from battle.actors.chain.methods import METHODS
from battle.actors.chain.node_filters import FILTER_METHODS

KEPT = Path(__file__).resolve().parents[1] / "tests" / "actors" / "chain" / "execution_apis"
_SPOKEN = ("title", "description", "examples", "summary")
_LONGEST_CHARACTERS = 2500
_PER_METHOD = 4
"""So many recorded exchanges, and none longer than that, are enough to see each shape."""


def main() -> None:
    """Write both files."""
    checkout = sys.argv[1]
    commit = _git(checkout, "rev-parse", "HEAD").strip()
    names = _git(checkout, "ls-tree", "-r", "--name-only", "HEAD").splitlines()
    wanted = METHODS.keys() | FILTER_METHODS
    schemas: dict[str, Any] = {}
    methods: dict[str, Any] = {}
    for name in names:
        if name.startswith("src/schemas/"):
            schemas |= yaml.safe_load(_git(checkout, "show", f"HEAD:{name}"))
        elif name.startswith(("src/eth/", "src/debug/")):
            for method in yaml.safe_load(_git(checkout, "show", f"HEAD:{name}")):
                if method["name"] in wanted:
                    methods[method["name"]] = {
                        "params": [_bare(one["schema"]) for one in method["params"]],
                        "required": sum(bool(one.get("required")) for one in method["params"]),
                        "result": _bare(method["result"]["schema"]),
                    }
    used = _used(methods, schemas)
    KEPT.mkdir(exist_ok=True)
    document = {"commit": commit, "methods": methods, "components": {"schemas": used}}
    (KEPT / "schemas.json").write_text(json.dumps(document, indent=1, sort_keys=True) + "\n")
    with (KEPT / "exchanges.ndjson").open("w") as file:
        for exchange in _exchanges(checkout, names, wanted):
            file.write(json.dumps(exchange, separators=(",", ":")) + "\n")


def _bare(schema: Any) -> Any:
    if isinstance(schema, dict):
        # A property may be called as what is left out here.
        return {
            name: _bare(value)
            for name, value in schema.items()
            if name not in _SPOKEN or not isinstance(value, str | list)
        }
    return [_bare(one) for one in schema] if isinstance(schema, list) else schema


def _used(methods: Any, schemas: dict[str, Any]) -> dict[str, Any]:
    """The schemas to which methods refer, and those to which these refer."""
    used: dict[str, Any] = {}
    ahead = _references(methods)
    while ahead:
        name = ahead.pop()
        if name not in used:
            used[name] = _bare(schemas[name])
            ahead |= _references(used[name])
    return used


def _references(value: Any) -> set[str]:
    if isinstance(value, dict):
        found = {value["$ref"].rpartition("/")[2]} if isinstance(value.get("$ref"), str) else set()
        return found.union(*map(_references, value.values()))
    return set().union(*map(_references, value)) if isinstance(value, list) else set()


def _exchanges(checkout: str, names: list[str], wanted: set[str]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    counts = dict.fromkeys(wanted, 0)
    for name in names:
        method = name.removeprefix("tests/").partition("/")[0]
        if not name.endswith(".io") or counts.get(method, _PER_METHOD) >= _PER_METHOD:
            continue
        lines = _git(checkout, "show", f"HEAD:{name}").splitlines()
        request, answer = (
            next((line[3:] for line in lines if line.startswith(mark)), "") for mark in (">> ", "<< ")
        )
        if request and answer and len(request) + len(answer) < _LONGEST_CHARACTERS:
            counts[method] += 1
            found.append({"name": name, "request": json.loads(request), "answer": json.loads(answer)})
    return found


def _git(checkout: str, *command: str) -> str:
    done = subprocess.run(["git", "-C", checkout, *command], capture_output=True, text=True, check=True)
    return done.stdout


if __name__ == "__main__":
    main()
