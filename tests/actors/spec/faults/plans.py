"""Plans of chaos of all kinds, for three providers and a load of two minutes."""

from hypothesis import strategies as st

from battle.actors.spec.faults.behaviour import (
    Hang,
    StaleHead,
)
from battle.actors.spec.faults.process import (
    Flap,
    Kill,
    Pause,
    Restart,
)
from battle.actors.spec.faults.schedule import (
    Every,
    Ramp,
    Randomly,
    Sequence,
)
from battle.actors.spec.faults.transport import Latency
from battle.actors.units import minutes, seconds

GROUPS = {"a": ("eu",), "b": ("eu", "big"), "c": ()}
LOAD = minutes(2)

spans_ns = st.integers(1, 10**10)
moments_ns = st.integers(0, 10**11)
targets = st.sampled_from(["a", "b", "group:eu", "*"])


@st.composite
def lasting(draw):
    at, duration, target = draw(moments_ns), draw(spans_ns), draw(targets)
    return draw(
        st.sampled_from(
            [
                Kill(target, at=at, down=duration),
                Restart(target, at=at, down=duration),
                Pause(target, at=at, duration=duration),
                Hang(target, at=at, duration=duration),
                StaleHead(target, at=at, duration=duration),
                Latency(target, at=at, duration=duration),
            ]
        )
    )


@st.composite
def entries(draw):
    fault = draw(lasting())
    length = fault.first[1] - fault.first[0]
    kind = draw(st.sampled_from(["fault", "every", "randomly", "ramp", "sequence", "flap"]))
    match kind:
        case "every":
            times = draw(st.none() | st.integers(1, 5))
            return Every(fault, period=length + draw(st.integers(10**9, 10**11)), times=times)
        case "randomly":
            return Randomly(fault, mtbf=draw(st.integers(10**9, 10**11)))
        case "ramp":
            strong = draw(st.sampled_from([Latency, StaleHead, Hang]))
            inner = strong(fault.target, at=fault.first[0], duration=length)
            rise, fall = draw(st.integers(10**9, 10**10)), draw(st.sampled_from([0, seconds(3)]))
            return Ramp(inner, rise=rise, fall=fall, steps=draw(st.integers(1, 30)))
        case "sequence":
            return Sequence(tuple(draw(st.lists(lasting(), min_size=1, max_size=4))), pause=draw(spans_ns))
        case "flap":
            return Flap(fault.target, down=length, up=draw(st.integers(10**9, 10**11)), at=fault.first[0])
    return fault


plans = st.lists(entries(), max_size=4)
seeds = st.integers(0, 1000)
