"""What a provider remembers of a request until it is answered, and what it logs about it."""

import msgspec

from battle.actors.provider.answerer import ReceivedCall
from battle.actors.provider.response import Response
from battle.actors.provider.service import Service
from battle.store.events import AttemptServed, Transport


class PendingReply(msgspec.Struct, eq=False):
    """What a request gets, when it is due."""

    asked: list[ReceivedCall]
    received_ns: int
    due_ns: int
    response: Response


def log_attempts(service: Service, transport: Transport, reply: PendingReply, replied_ns: int | None) -> None:
    """Log `AttemptServed` for each call of a request; `replied_ns` None: it got no reply."""
    answered = replied_ns is not None
    for asked in reply.asked:
        service.world.log.append(
            AttemptServed(
                provider=service.spec.name,
                transport=transport,
                method=asked.method,
                received_ns=reply.received_ns,
                outcome=reply.response.outcome(asked) if answered else "unknown",
                request_id=asked.request_id,
                replied_ns=replied_ns,
                http_status=reply.response.status if answered else None,
                rpc_code=asked.rpc_code if answered else None,
                fault_id=asked.fault_id,
            )
        )
