"""Programs that try to leave processes behind, as `python -m tests.actors.world.leftovers KIND PORT`.

Each listens on PORT in the program itself or in what it leaves behind, and prints the numbers of what it started.
"""

import os
import signal
import socket
import sys
import time


def listen(port):
    return socket.create_server(("127.0.0.1", port))


def background(work):
    """Run `work` in a process that has left this one's session, group and parent."""
    reader, writer = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.write(writer, f"{os.getpid()}\n".encode())
            work()
        os._exit(0)
    os.wait()
    return int(os.read(reader, 100))


def stay():
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    while True:
        time.sleep(60)


def own_session(port):
    """Its child has a session of its own and does not listen to SIGTERM; so has that one's child."""
    with listen(port):
        print(background(stay), flush=True)
        if (child := os.fork()) == 0:
            os.setsid()
            stay()
        print(child, flush=True)
        time.sleep(60)


def daemon(port):
    """It goes into the background as daemons do, and ends with exit status 0 itself."""

    def serve():
        with listen(port):
            stay()

    print(background(serve), flush=True)


def clean_environment(port):
    """As `own_session`, with an empty environment."""
    with listen(port):
        script = "import time; time.sleep(60)"

        def bare():
            os.execve(sys.executable, [sys.executable, "-c", script], {})

        print(background(bare), flush=True)
        time.sleep(60)


if __name__ == "__main__":
    globals()[sys.argv[1]](int(sys.argv[2]))
