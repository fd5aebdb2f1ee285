"""The picture of a report in the README: `python -m tools.docs.picture RUN/report.html` takes it again.

It needs Chromium, and no network. The picture is the head of the page, as wide as a laptop shows it.
"""

import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

PICTURE = Path(__file__).parent.parent.parent / "docs" / "assets" / "report.png"
BYTES_MAX = 150_000
"""More would make a clone and the first look at the README slow."""

WIDTH, HEIGHT = 1000, 1400
DRAWING_MS = 5000
"""Of virtual time, for the charts to be drawn."""


def main() -> None:
    """Take the picture of the report that the command line names."""
    [report] = sys.argv[1:]
    PICTURE.parent.mkdir(exist_ok=True)
    with TemporaryDirectory() as profile:
        command = [
            *("chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
            f"--user-data-dir={profile}",
            f"--window-size={WIDTH},{HEIGHT}",
            f"--virtual-time-budget={DRAWING_MS}",
            f"--screenshot={PICTURE}",
            Path(report).resolve().as_uri(),
        ]
        subprocess.run(command, check=True, timeout=60, capture_output=True)
    size = PICTURE.stat().st_size
    if size > BYTES_MAX:
        raise SystemExit(
            f"{PICTURE} has {size:,} bytes, more than {BYTES_MAX:,}: take a smaller part of the page"
        )
    print(f"{PICTURE}: {size:,} bytes")


if __name__ == "__main__":
    if shutil.which("chromium") is None:
        raise SystemExit("the picture needs chromium: `make test` installs it")
    main()
