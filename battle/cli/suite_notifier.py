"""`battle suite --notify`: the verdict is sent when the suite is over, and stays what it is if that fails."""

import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from battle.cli.notify import checked_link
from battle.errors import BattleError
from battle.notifications.channels import CHANNELS, Channel, ChannelName, Options, channel_of
from battle.notifications.condition import parsed
from battle.suite.results import SuiteReport


class Notifier:
    """The channels of a suite. They are made before it runs, so that what is missing is reported before.

    A missing secret does not stop the suite: jobs of pull requests from forks have none.

    Raises:
        BattleError: a channel, a condition or the link is none.
    """

    def __init__(
        self, names: Sequence[str], on: Sequence[str], link: str | None, history: Path | None = None
    ) -> None:
        self._history = history
        self._conditions = parsed(on)
        if on and not names:
            raise BattleError("--notify-on says when to notify, but there is no --notify to say where")
        self._link = checked_link(link) if names else None
        self._channels = [channel for name in _channels(names) if (channel := _made(name))]

    def notify(self, report: SuiteReport, suite_dir: Path) -> None:
        """Send it to each channel; what fails is a sentence on stderr, and nothing else."""
        if not self._channels:
            return
        if report.interrupted:
            _complain("the suite was interrupted, so no notification was sent")
            return
        for channel in self._channels:
            try:
                _say(f"{channel.title}: {self._send(channel, report, suite_dir)}")
            except BattleError as error:
                _complain(f"no notification through {channel.name}: {error}")
            except Exception as error:  # a bug here must not change a verdict
                traceback.print_exc(file=sys.stderr)
                _complain(f"no notification through {channel.name}: a bug in Battle: {type(error).__name__}")

    def _send(self, channel: Channel, report: SuiteReport, suite_dir: Path) -> str:
        from battle.cli.subjects import suite_subject
        from battle.notifications.notify import notify

        found = suite_subject(report, suite_dir, self._history)
        return notify(channel, found.places, self._conditions, link=self._link, directories=found.directories)


def _channels(names: Sequence[str]) -> list[ChannelName]:
    """The channels that were named, each once; several may stand in one text with commas between them."""
    words = [word.strip() for name in names for word in name.split(",")]
    for word in words:
        if word not in CHANNELS:
            raise BattleError(f"there is no channel {word!r}: it is one of {', '.join(CHANNELS)}")
    return [channel for channel in CHANNELS if channel in words]


def _made(name: ChannelName) -> Channel | None:
    try:
        return channel_of(name, Options())
    except BattleError as error:
        _complain(f"no notification through {name}: {error}")
        return None


def _complain(text: str) -> None:
    print(f"battle: {text}", file=sys.stderr, flush=True)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
