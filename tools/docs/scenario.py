"""docs/scenario.md: from the structs that scenarios are written in."""

from collections.abc import Iterator
from typing import get_args

from battle.actors.spec.faults.schedule import ChaosEntry
from battle.scenario.scenario import Scenario
from tools.docs.markdown import page
from tools.docs.structs import reachable, section_of, words_of

_SCENARIO_INTRO = """\
What a scenario can say. All of it is imported from `battle`; see the [guide](guide.md) for how it goes together.
In TOML, YAML and JSON files the same names are keys, and `type` says which kind is meant where there are several.
Durations are written `ms(50)`, `seconds(5)`, `minutes(3)` in Python and `"50ms"`, `"5 sec"`, `"1h30m"` in files (the
units: ns, us, ms, s, min or m, h). A bare number is nanoseconds, and below 10 us it is refused as a slip.
""".splitlines()


def scenario_page() -> str:
    """docs/scenario.md: every struct a scenario is made of, with its fields; faults have a page of their own."""
    structs = reachable(Scenario, elsewhere=get_args(ChaosEntry))
    return page(
        "Scenario reference",
        [*_SCENARIO_INTRO, ""],
        *(section_of(struct) for struct in structs),
        _chaos(),
        words_of(structs),
    )


def _chaos() -> Iterator[str]:
    kinds = ", ".join(
        f"[{entry.__name__}](faults.md#{entry.__name__.lower()})" for entry in get_args(ChaosEntry)
    )
    yield from (
        "## Chaos",
        "",
        f"What can stand in `chaos`, each explained in [faults](faults.md): {kinds}.",
        "",
    )
