"""Supervision and mailboxes: OTP's vocabulary and semantics, on trio."""

from battle.actors.system.child import ActorContext, ChildSpec, Induced
from battle.actors.system.lifecycle import LifecycleChange
from battle.actors.system.mailbox import (
    ActorDeadError,
    ActorRef,
    AskError,
    AskTimeoutError,
    Envelope,
    Inbox,
    Mailbox,
    MailboxFullError,
    MailboxSpec,
    MailboxStatistics,
    Overflow,
)
from battle.actors.system.restart import Backoff, Limits, RestartType, Strategy
from battle.actors.system.supervisor import ChildLostError, EscalationError, HopelessError, Supervisor

__all__ = [
    "ActorContext",
    "ActorDeadError",
    "ActorRef",
    "AskError",
    "AskTimeoutError",
    "Backoff",
    "ChildLostError",
    "ChildSpec",
    "Envelope",
    "EscalationError",
    "HopelessError",
    "Inbox",
    "Induced",
    "LifecycleChange",
    "Limits",
    "Mailbox",
    "MailboxFullError",
    "MailboxSpec",
    "MailboxStatistics",
    "Overflow",
    "RestartType",
    "Strategy",
    "Supervisor",
]
