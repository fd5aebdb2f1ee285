"""Whether this machine can talk to itself, on which the live world stands."""

import errno
import socket

_DOWN = (errno.ENETUNREACH, errno.EADDRNOTAVAIL, errno.ENETDOWN, errno.EHOSTUNREACH)
_TRY_SECONDS = 2.0


def check_loopback() -> None:
    """Connect to 127.0.0.1 once; a fresh network namespace (`unshare -n`) has it down.

    Raises:
        OSError: that is not possible; `strerror` says why, and what to do.
    """
    try:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            socket.create_connection(listener.getsockname(), _TRY_SECONDS).close()
    except TimeoutError:
        raise OSError(errno.ETIMEDOUT, "127.0.0.1 takes no connections: look for a firewall rule") from None
    except OSError as error:
        why = f"127.0.0.1 cannot be used: {error.strerror or error}"
        if error.errno in _DOWN:
            why = "loopback is down (127.0.0.1 cannot be reached): ip link set lo up"
        raise OSError(error.errno, why) from None
