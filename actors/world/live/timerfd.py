"""Linux timerfd: a timer that is a file descriptor, exact to tens of microseconds.

trio's own deadlines are epoll timeouts, whole milliseconds rounded up. Python has timerfd since 3.13; below
that libc has it.
"""

import ctypes
import os
import time

_TFD_TIMER_ABSTIME = 1
_SECOND_NS = 10**9

_libc = ctypes.CDLL(None, use_errno=True)


class _Timespec(ctypes.Structure):
    _fields_ = [("tv_sec", ctypes.c_long), ("tv_nsec", ctypes.c_long)]


class _Itimerspec(ctypes.Structure):
    _fields_ = [("it_interval", _Timespec), ("it_value", _Timespec)]


class TimerFd:
    """One timer on CLOCK_MONOTONIC, the clock of `time.perf_counter_ns()`.

    An expiry is an edge: nobody reads the descriptor, so it stays readable until it is armed again.
    """

    def __init__(self) -> None:
        self._fd = _libc.timerfd_create(time.CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC)
        if self._fd < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create failed")
        self._setting = _Itimerspec()
        self._reference = ctypes.byref(self._setting)

    def fileno(self) -> int:
        return int(self._fd)

    def arm(self, at_ns: int) -> None:
        """Expire at `at_ns` on the monotonic clock, at once when that has passed; replaces what was set."""
        value = self._setting.it_value
        value.tv_sec, value.tv_nsec = divmod(max(at_ns, 1), _SECOND_NS)
        if _libc.timerfd_settime(self._fd, _TFD_TIMER_ABSTIME, self._reference, None) < 0:
            raise OSError(ctypes.get_errno(), "timerfd_settime failed")

    def close(self) -> None:
        os.close(self._fd)
