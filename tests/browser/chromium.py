"""A headless Chromium of our own, driven over the DevTools protocol; it talks to nobody but us, over loopback."""

import itertools
import json
import os
import shutil
import signal
import subprocess
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import trio
from trio_websocket import WebSocketConnection, open_websocket_url

T = TypeVar("T")

START_SECONDS = 30
"""To start a browser on a machine that has much else to do."""

ANSWER_SECONDS = 20

MESSAGE_BYTES_MAX = 64 * 2**20
"""A screenshot of a long page is one message."""

_SWITCHES = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-extensions",
    "--disable-sync",
    "--no-first-run",
    "--remote-debugging-address=127.0.0.1",
    "--remote-debugging-port=0",
    "--proxy-server=127.0.0.1:9",  # whatever asks the network anyway finds nobody
)


@contextmanager
def running_chromium(profile: Path) -> Iterator[str]:
    """Start a browser with a fresh profile; the WebSocket address of its DevTools. It ends with the block."""
    program = shutil.which("chromium")
    assert program is not None, "the tests of the HTML report need chromium: 'make test' installs it"
    with (profile / "log").open("wb") as log:
        process = subprocess.Popen(
            [program, *_SWITCHES, f"--user-data-dir={profile}", "about:blank"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        yield trio.run(_address, profile / "DevToolsActivePort", process)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


async def _address(file: Path, process: "subprocess.Popen[bytes]") -> str:
    with trio.fail_after(START_SECONDS):
        while True:
            lines = _lines(file)
            if len(lines) == 2:
                return f"ws://127.0.0.1:{lines[0]}{lines[1]}"
            assert process.poll() is None, "chromium left"
            await trio.sleep(0.05)


def _lines(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []


class Page:
    """One tab. `problems` are console errors, uncaught exceptions and failed requests, as they come."""

    def __init__(self, connection: WebSocketConnection, session: str) -> None:
        self._connection = connection
        self._session = session
        self._numbers = itertools.count(1)
        self._answers: dict[int, dict[str, Any]] = {}
        self.problems: list[str] = []
        self.requested: list[str] = []

    async def call(self, method: str, **parameters: Any) -> Any:
        """Send a command and wait for its answer; events that come meanwhile are noted."""
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters, "sessionId": self._session}
        await self._connection.send_message(json.dumps(message))
        with trio.fail_after(ANSWER_SECONDS):
            while True:
                answer = json.loads(await self._connection.get_message())
                if answer.get("id") == number:
                    assert "error" not in answer, answer
                    return answer["result"]
                self._note(answer)

    def _note(self, event: dict[str, Any]) -> None:
        method, about = event.get("method"), event.get("params", {})
        if method == "Runtime.exceptionThrown":
            self.problems.append(str(about["exceptionDetails"]))
        elif method == "Runtime.consoleAPICalled" and about["type"] in ("error", "warning", "assert"):
            self.problems.append(str(about["args"]))
        elif method == "Log.entryAdded" and about["entry"]["level"] in ("error", "warning"):
            self.problems.append(str(about["entry"]))
        elif method == "Network.loadingFailed":
            self.problems.append(str(about))
        elif method == "Network.requestWillBeSent":
            self.requested.append(about["request"]["url"])

    async def ask(self, expression: str) -> Any:
        """The value of a JavaScript expression in the page; a promise is waited for."""
        result = await self.call(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True, userGesture=True
        )
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    async def wait_until(self, expression: str) -> None:
        """Wait until an expression is true."""
        with trio.fail_after(ANSWER_SECONDS):
            while True:
                if await self.ask(f"Boolean({expression})"):
                    return
                await trio.sleep(0.02)

    async def open(self, path: Path) -> None:
        """Load a file, and wait until its scripts have run."""
        self.problems.clear()
        self.requested.clear()
        await self.call("Page.navigate", url=path.as_uri())
        await self.wait_until("document.readyState === 'complete' && location.href.startsWith('file:')")

    async def resize(self, width: int, height: int, *, mobile: bool = False, scale: float = 1) -> None:
        """Make the tab as large as a screen."""
        await self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=scale,
            mobile=mobile,
        )

    async def prefer(self, scheme: str, media: str = "") -> None:
        """Choose light or dark, and `print` or the screen."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        await self.call("Emulation.setEmulatedMedia", media=media, features=features)

    async def click(self, selector: str) -> None:
        """Click where an element is, as a hand would."""
        await self.ask(
            f"document.querySelector({json.dumps(selector)}).scrollIntoView({{block: 'center', behavior: 'instant'}})"
        )
        box = await self.ask(
            f"(() => {{ const b = document.querySelector({json.dumps(selector)}).getBoundingClientRect();"
            " return [b.x + b.width / 2, b.y + b.height / 2]; })()"
        )
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            await self.call(
                "Input.dispatchMouseEvent", type=kind, x=box[0], y=box[1], button="left", clickCount=1
            )

    async def point_at(self, x: float, y: float) -> None:
        """Move the mouse there."""
        await self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    async def screenshot(self, path: Path, top: int, width: int, height: int) -> None:
        """A part of the page as a PNG."""
        clip = {"x": 0, "y": top, "width": width, "height": height, "scale": 1}
        shot = await self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)
        _save(path, shot["data"])

    async def pdf(self, path: Path) -> None:
        """What a printer would get."""
        printed = await self.call("Page.printToPDF", printBackground=True, preferCSSPageSize=True)
        _save(path, printed["data"])


def _save(path: Path, encoded: str) -> None:
    path.write_bytes(b64decode(encoded))


def on_a_page(address: str, visit: Callable[[Page], Any]) -> Any:
    """Run an async function with a new tab of the browser at this address, and close the tab."""

    async def main() -> Any:
        async with open_websocket_url(
            address, max_message_size=MESSAGE_BYTES_MAX, connect_timeout=ANSWER_SECONDS
        ) as connection:
            browser = Page(connection, "")
            return await _in_a_tab(browser, connection, visit)

    return trio.run(main)


async def _in_a_tab(browser: Page, connection: WebSocketConnection, visit: Callable[[Page], Any]) -> Any:
    async def call(method: str, **parameters: Any) -> Any:
        number = next(_TAB_NUMBERS)
        await connection.send_message(json.dumps({"id": number, "method": method, "params": parameters}))
        with trio.fail_after(ANSWER_SECONDS):
            while True:
                answer = json.loads(await connection.get_message())
                if answer.get("id") == number:
                    return answer["result"]

    target = (await call("Target.createTarget", url="about:blank"))["targetId"]
    session = (await call("Target.attachToTarget", targetId=target, flatten=True))["sessionId"]
    page = Page(connection, session)
    for domain in ("Page", "Runtime", "Log", "Network"):
        await page.call(f"{domain}.enable")
    try:
        return await visit(page)
    finally:
        with trio.CancelScope(shield=True, deadline=trio.current_time() + ANSWER_SECONDS):
            await call("Target.closeTarget", targetId=target)


_TAB_NUMBERS = itertools.count(1_000_000)
