"""What the connections of one provider share."""

from battle.actors.chain.model import model_of
from battle.actors.provider.answerer import CallAnswerer, ReceivedRequest
from battle.actors.provider.chain_view import ChainView, in_order
from battle.actors.provider.filters import Filters
from battle.actors.provider.head_arrivals import HeadArrivals
from battle.actors.provider.plain_requests import NodeState
from battle.actors.provider.rate_limits import CallLimiter, RateLimits
from battle.actors.provider.response_plan import HANDSHAKE, Behaviour, Key, ResponsePlan, concerns
from battle.actors.roles import ProviderRole
from battle.actors.world import interfaces
from battle.actors.world.held import Holder
from battle.actors.world.interfaces import World
from battle.store.events import BenchLimitReached

_REMEMBERED_REQUESTS = 65_536
"""Of how many requests the attempts are counted: retries come soon, or start from 1 again."""


class Attempts:
    """Counts the attempts of each request here, so that a retry is a new draw, and a repeatable one."""

    def __init__(self, remembered: int = _REMEMBERED_REQUESTS) -> None:
        self._remembered = remembered
        self._seen: dict[str, int] = {}
        self._anonymous = 0

    def key(self, request_id: str | None) -> Key:
        """The key of this attempt: (request id, how many it had), or its place among those without an id."""
        if request_id is None:
            self._anonymous += 1
            return "", self._anonymous
        attempt = self._seen.pop(request_id, 0) + 1
        if len(self._seen) >= self._remembered:
            self._seen.pop(next(iter(self._seen)))
        self._seen[request_id] = attempt
        return request_id, attempt


class Service:
    """One provider: its chain, its behaviour of the moment, and the attempts it has seen."""

    def __init__(self, world: World, role: ProviderRole) -> None:
        self.world = world
        self.spec = role.spec
        self.model = model_of(role.chain, world.shared_lines, role.history, "providers")
        self.filters = Filters(role.spec.name, world.now_ns)
        self.answerer = CallAnswerer(
            self.model,
            role.spec.canned,
            self.filters,
            software=role.spec.health,
            capabilities=role.spec.capabilities,
        )
        self._behaviour = Behaviour(role.spec)
        self._only_plan = self._behaviour.only_plan
        self._attempts = Attempts()
        self._limits = RateLimits()
        limit, delay = role.spec.call_limit, role.spec.head_delay
        self._limiter = None if limit is None else CallLimiter(limit)
        self._held_too_much = False
        self._draws = world.draws(f"provider:{role.spec.name}")
        self._arrivals = None if delay == 0 else HeadArrivals(self.model, delay, self._draws)
        self.head_at = self.model.head_at if self._arrivals is None else self._arrivals.head_at
        """The height of the newest block that the provider has at a moment, in ns since the run's epoch."""

    def holds_too_much(self, holder: Holder) -> bool:
        """Whether no more may wait here for a client: the node holds too much for all, and something for this one.

        The first time it is logged as a limit of the bench: a real provider might have taken more.
        """
        too_much = self.world.held.is_full(holder, interfaces.NODE_HELD_BYTES)
        if too_much and not self._held_too_much:
            self._held_too_much = True
            now_ns, node, bound = self.world.now_ns(), self.world.node, interfaces.NODE_HELD_BYTES
            self.world.log.append(
                BenchLimitReached(at_ns=now_ns, node=node, limit="kept", times=1, bound=bound)
            )
        return too_much

    @property
    def behaviour(self) -> Behaviour:
        """How the provider behaves now; what is newly in force when it is set begins at that moment."""
        return self._behaviour

    @behaviour.setter
    def behaviour(self, behaviour: Behaviour) -> None:
        self._behaviour = behaviour.begun(self.view().head, self.model.spec.oldest_height)
        self._only_plan = self._behaviour.only_plan

    def plan(self, received: ReceivedRequest) -> ResponsePlan:
        """What becomes of this attempt of a request."""
        key = self._attempts.key(received.asked[0].request_id)  # counted in any case: faults may come later
        if self._only_plan is not None:
            return self._only_plan
        behaviour = self._behaviour
        is_over = self._limiter is not None and not self._limiter.takes(
            len(received.asked), self.world.now_ns()
        )
        if not behaviour.looks_at_methods:
            return behaviour.plan(self._draws, key, is_over_own=is_over)
        methods = [asked.method for asked in received.asked]
        concerning = [one for one in behaviour.in_force if concerns(one, methods)]
        over_limit = self._limits.over(concerning, self.world.now_ns())
        return behaviour.plan(self._draws, key, over_limit, methods, is_over_own=is_over)

    def handshake_plan(self, number: str) -> ResponsePlan:
        """What becomes of the handshake of the WebSocket with this number."""
        return self._behaviour.plan(self._draws, ("handshake", number), (), HANDSHAKE)

    def state(self, plan: ResponsePlan, now_ns: int) -> NodeState:
        """What the provider knows of itself as it answers a request."""
        newest = self.head_at(now_ns)
        view = self.answerer.viewer.view(newest, plan.chain_faults)
        return NodeState(self.spec.health, view.model, view.head, newest, now_ns)

    def view(self) -> ChainView:
        """The chain as the provider sees it now: which branch of which chain, up to which head."""
        head = self.head_at(self.world.now_ns())
        return self.answerer.viewer.view(head, in_order(self._behaviour.in_force))

    def next_head_ns(self, now_ns: int) -> int:
        """When the provider can have a newer block, in ns since the run's epoch."""
        if self._arrivals is not None:
            return self._arrivals.next_ns(now_ns)
        block_time = self.model.spec.block_time
        return (now_ns // block_time + 1) * block_time
