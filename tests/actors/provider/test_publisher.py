"""What a provider's publisher logs, beside what it sends."""

from itertools import count
from types import SimpleNamespace
from typing import Any

from battle.actors.chain.model import ChainModel
from battle.actors.provider.chain_view import ChainView
from battle.actors.provider.publisher import Publisher
from battle.actors.provider.ws_subscriptions import SessionSubscriptions
from battle.actors.rng import Draws
from battle.actors.spec.chain import Chain
from battle.actors.units import ms
from battle.store.events import HeadPublished


class _Node:
    """A node whose clock goes on by 1 ns with each look at it."""

    node = "a"

    def __init__(self):
        self.log = []
        self._clock = count(ms(100))

    def now_ns(self):
        return next(self._clock)

    def draws(self, name):
        return Draws(1, name)

    def call_at(self, at_ns, fn, *args):
        return SimpleNamespace(cancel=lambda: None)


def test_a_publication_is_stamped_before_it_is_sent():
    world, model, sent_ns = _Node(), ChainModel(Chain(block_time=ms(100))), []
    head = model.spec.start_height
    service: Any = SimpleNamespace(
        world=world,
        spec=SimpleNamespace(name="a"),
        model=model,
        behaviour=SimpleNamespace(in_force=[]),
        view=lambda: ChainView(model, head),
        next_head_ns=lambda now_ns: now_ns + ms(100),
    )
    publisher = Publisher(service)
    session = SessionSubscriptions("1", lambda text: sent_ns.append(world.now_ns()))
    session.keep(session.make(["newHeads"]))
    publisher.add(session)
    before, head = service.view(), head + 1
    publisher.view_changed(before, None)
    (published,) = world.log
    assert isinstance(published, HeadPublished)
    assert len(sent_ns) == 1
    assert published.at_ns < sent_ns[0]
