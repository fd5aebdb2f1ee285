"""Sends one notification to one channel: whether, what, and never twice."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from battle.errors import BattleError
from battle.notifications.channels import Channel, Notice
from battle.notifications.condition import Condition, holds
from battle.notifications.deliveries import Obstacle, claims, obstacle, path_of
from battle.notifications.event import Subject
from battle.notifications.message import message_of
from battle.outgoing import UnknownDeliveryError


class Place(NamedTuple):
    """A subject, and the directory of its run or suite."""

    subject: Subject
    directory: Path


_OBSTACLES: dict[Obstacle, str] = {
    "sent": "it was sent already",
    "unknown": "perhaps it was sent, because an answer was lost or the sending was interrupted; "
    "use --again to send it",
    "busy": "another process is sending it",
}


def notify(
    channel: Channel,
    places: Sequence[Place],
    conditions: Collection[Condition],
    *,
    link: str | None = None,
    directories: Mapping[str, Path] | None = None,
    again: bool = False,
) -> str:
    """Send what is to be sent, and say in a sentence what was done. No conditions: the channel's own.

    Raises:
        DeliveryError: it did not arrive; `UnknownDeliveryError`: perhaps it did, now or in an earlier call.
        BattleError: what was sent cannot be noted, or a setting is wrong.
    """
    wanted = conditions or (channel.default_on,)
    subjects = [place.subject for place in places]
    if channel.in_place:
        notice = _notice(subjects, link, directories)
        return channel.deliver(notice, create=holds(wanted, subjects))
    if not holds(wanted, subjects):
        return _nothing(wanted)
    files = [(path_of(place.directory, channel.name, channel.destination, place.subject), place.subject)
             for place in places]  # fmt: skip
    with claims(files, channel.name, again=again) as (free, barred):
        mine = [subject for subject, _ in free]
        if not mine:
            return _known("nothing was sent", barred)
        if not holds(wanted, mine):
            return _known(_nothing(wanted), _unknown(barred))
        for _, claim in free:
            claim.write("sending")
        try:
            said = channel.deliver(_notice(mine, link, directories))
        except BattleError as error:
            for _, claim in free:
                claim.write("unknown" if isinstance(error, UnknownDeliveryError) else None)
            raise
        for _, claim in free:
            claim.write("sent")
    return _known(said, _unknown(barred))


def preview(
    channel: Channel,
    places: Sequence[Place],
    conditions: Collection[Condition],
    *,
    link: str | None = None,
    directories: Mapping[str, Path] | None = None,
    again: bool = False,
) -> tuple[str, str | None]:
    """What would be sent, with masked secrets, and a sentence why it would not be sent now."""
    wanted = conditions or (channel.default_on,)
    subjects = [place.subject for place in places]
    text = channel.preview(_notice(subjects, link, directories))
    if not holds(wanted, subjects):
        return text, _nothing(wanted)
    if channel.in_place or again:
        return text, None
    found = [
        (place.subject, why)
        for place in places
        if (why := obstacle(path_of(place.directory, channel.name, channel.destination, place.subject)))
    ]
    reasons = "; ".join(dict.fromkeys(_barred(*one, len(places)) for one in found))
    return text, reasons or None


def _unknown(barred: Sequence[tuple[Subject, Obstacle]]) -> list[tuple[Subject, Obstacle]]:
    return [(subject, why) for subject, why in barred if why == "unknown"]


def _known(said: str, barred: Sequence[tuple[Subject, Obstacle]]) -> str:
    """What was done and why nothing else was; what perhaps arrived is no success before `--again` settles it."""
    reasons = "; ".join(dict.fromkeys(_barred(*one, len(barred)) for one in barred))
    text = f"{said}: {reasons}" if reasons else said
    if _unknown(barred):
        raise UnknownDeliveryError(text)
    return text


def _notice(subjects: Sequence[Subject], link: str | None, directories: Mapping[str, Path] | None) -> Notice:
    return Notice(message=message_of(subjects, link), subjects=subjects, directories=directories or {})


def _nothing(conditions: Collection[Condition]) -> str:
    return f"nothing was sent: the condition `{' or '.join(conditions)}` does not hold"


def _barred(subject: Subject, why: Obstacle, count: int) -> str:
    return _OBSTACLES[why] if count == 1 else f"{subject.title}: {_OBSTACLES[why]}"
