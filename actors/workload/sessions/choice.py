"""Which script the sessions of a workload follow."""

from functools import partial

from battle.actors.author_functions import place_of
from battle.actors.rng import Draws
from battle.actors.roles import WorkloadRole
from battle.actors.spec.workloads import HttpSessions
from battle.actors.workload.requests.call_times import CallTimes
from battle.actors.workload.sessions.author_script import load_script
from battle.actors.workload.sessions.script import NewScript, Script
from battle.actors.workload.sessions.scripts import READING
from battle.actors.workload.sessions.steps import listed_steps
from battle.actors.workload.sessions.writers import send_and_read


def new_script(role: WorkloadRole, spec: HttpSessions, times: CallTimes) -> NewScript:
    """What makes the script of each session: those of the author have random numbers of their own, so shards agree.

    Raises:
        ScriptError: the author's cannot be found, or breaks.
    """
    if spec.steps:
        return lambda _: listed_steps(spec.steps)
    if spec.script in READING:
        script = partial(READING[spec.script], spec.length, role.chain.block_time)
        return lambda _: script()
    if spec.script == "send_and_read":
        chain = role.chain
        return lambda number: send_and_read(
            role.seed, role.index, number, chain.chain_id, spec.length, chain.block_time
        )
    authors = load_script(spec.script)
    times.place = f"{spec.script!r}{place_of(authors)}"
    draws = Draws(role.seed, f"workload:{role.index}")

    def own(number: int) -> Script:
        return authors(number, draws.stream("script", number))

    return own
