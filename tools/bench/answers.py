"""What the client pays for each right answer: understanding and judging it, and writing it to the log.

    python tools/bench/answers.py [REPEATS]

No network: answers as a provider writes them, with the chain's own results. Prints microseconds of CPU for each
answer, the least of all repeats, which repeats best on a shared machine. To compare two versions, run them in
alternation, each with its own directory as PYTHONPATH.
"""

import sys
import time
from types import SimpleNamespace
from typing import Any

import msgspec

from battle.actors.chain.model import ChainModel
from battle.actors.roles import WorkloadRole
from battle.actors.spec.chain import Chain
from battle.actors.spec.endpoints import Endpoint
from battle.actors.spec.workloads import HttpConstant
from battle.actors.units import seconds
from battle.actors.wire.http.messages import HttpResponse
from battle.actors.workload.requests.outcome import AnswerReader
from battle.actors.workload.requests.request import Request, RequestBuilder
from battle.actors.workload.requests.tracker import RequestTracker
from battle.store.segment import SegmentWriter

CHAIN = Chain(start_height=1_000, block_time=seconds(2))
NOW_NS = seconds(20)
ANSWERS = {
    "eth_blockNumber": 20_000,
    "eth_getBalance": 20_000,
    "eth_getBlockByNumber": 3_000,
    "eth_getLogs": 3_000,
}
"""How many of each make 20 to 100 ms."""


class Nowhere:
    """A sink that keeps nothing: the disk is not what is measured."""

    owner = None

    def write(self, block: bytes) -> None:
        pass


def main() -> None:
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    for method, count in ANSWERS.items():
        judging, logging = (
            min(times) for times in zip(*(once(method, count) for _ in range(repeats)), strict=True)
        )
        print(
            f"{method:<22} judged {judging:6.2f} us  logged {logging:5.2f} us  both {judging + logging:6.2f} us"
        )


def once(method: str, count: int) -> tuple[float, float]:
    """The microseconds of judging and of logging one answer."""
    role = WorkloadRole(
        HttpConstant(method, rate=1, duration=seconds(1)),
        0,
        0,
        Endpoint("server:1"),
        CHAIN,
        1,
        checks_answers=True,
    )
    model = ChainModel(CHAIN)
    build = RequestBuilder(role, model).build
    requests = [build(number, NOW_NS) for number in range(count)]
    responses = [response_to(model, request) for request in requests]
    writer = SegmentWriter(Nowhere())  # type: ignore[arg-type]
    tracker = new_ledger(writer, requests)
    reader = AnswerReader(role, ChainModel(CHAIN))
    began = time.process_time()
    endings = [reader.ending(*pair, NOW_NS + 1000) for pair in zip(requests, responses, strict=True)]
    judged = time.process_time()
    for request, ending, response in zip(requests, endings, responses, strict=True):
        tracker.end(request, ending, NOW_NS + 1000, response)
    writer.flush()
    logged = time.process_time()
    assert {ending.answer for ending in endings} == {"right"}
    return (judged - began) / count * 1e6, (logged - judged) / count * 1e6


def new_ledger(writer: SegmentWriter, requests: list[Request]) -> RequestTracker:
    world: Any = SimpleNamespace(now_ns=lambda: NOW_NS, log=writer, call_at=lambda *_: None)
    tracker = RequestTracker(world, "load", seconds(10), closed_loop=False)
    connection: Any = object()
    for request in requests:
        tracker.due(request)
        tracker.sent(request, connection)
    return tracker


def response_to(model: ChainModel, request: Request) -> HttpResponse:
    result = msgspec.json.encode(model.answer(request.method, request.params, model.head_at(NOW_NS)))
    body = b'{"jsonrpc":"2.0","id":"%b","result":%b}' % (request.id.encode(), result)
    return HttpResponse(200, {b"x-battle-provider": b"a"}, body, True)


if __name__ == "__main__":
    main()
