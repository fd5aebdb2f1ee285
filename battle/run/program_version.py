"""Which version of a gateway's program is tested, as the program itself says it."""

import subprocess
from pathlib import Path

from battle.actors.redaction import without
from battle.actors.spec.gateways import CommandGateway
from battle.actors.world.live.output import printable
from battle.run.placeholders import filled_text
from battle.run.programs import program_path
from battle.run.secrets import secret_values

VERSION_SECONDS = 10.0
"""For a program to say its version: a Java machine takes one."""

VERSION_CHARS = 200
"""Of the first line, so much is kept."""


class VersionUnknownError(Exception):
    """The version command said nothing; the message says why, as the end of a sentence about it.

    `said` is the first line of a program that failed.
    """

    def __init__(self, why: str, said: str = "") -> None:
        super().__init__(why)
        self.said = said


def program_version(gateway: CommandGateway) -> str:
    """The first line that the version command prints, on either output.

    Raises:
        VersionUnknownError: it cannot be started, takes too long, prints nothing, or fails.
    """
    here = {"here": str(Path(gateway.here).absolute())}
    words = [filled_text(word, here) for word in gateway.version_command]
    try:
        done = subprocess.run(
            [program_path(words[0]) or words[0], *words[1:]],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=VERSION_SECONDS,
            check=False,
        )
    except OSError as error:
        raise VersionUnknownError(f"cannot be started: {error.strerror}") from None
    except subprocess.TimeoutExpired:
        raise VersionUnknownError(f"takes longer than {VERSION_SECONDS:g} s") from None
    text = without(done.stdout.decode("utf-8", errors="replace"), secret_values(gateway))
    lines = (printable(line) for line in text.splitlines())
    version = next((line for line in lines if line), "")
    if not version:
        raise VersionUnknownError(f"prints nothing (exit status {done.returncode})")
    if done.returncode != 0:
        said = version[:VERSION_CHARS]
        raise VersionUnknownError(f"fails with exit status {done.returncode}: {said}", said)
    return version[:VERSION_CHARS]
