"""Fuzz decoders with coverage as the guide: `python -m tools.fuzz [TARGET ...] [--seconds 30]`.

All targets by default.
Each target runs in a process of its own, for as long, from the seeds in `tools.fuzz.seeds`. The first input that
raises ends it; it is kept as `crash-*` in the directory that is printed, and the exit status is 1. Run again with the
name of a target and `--input FILE` to see the traceback. Needs the extra `fuzz`.

The target `reports` takes logs instead of bytes: it is random without a guide (`tools.fuzz.reports` says why), and
prints the log that failed.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

REPORTS = "reports"
MAX_INPUT_BYTES = 4096
_OVERTIME_SECONDS = 120
"""What a fuzzer may take to start and to end beside its own time."""


def main() -> int:
    parser, options = _options()
    if options.inside:  # before anything is imported that is to be watched
        return _fuzz(options.targets[0], options.seconds, options.inside)
    from tools.fuzz.targets import TARGETS

    names = sorted((*TARGETS, REPORTS))
    if unknown := set(options.targets) - set(names):
        parser.error(f"no target {sorted(unknown)[0]!r}: there are {', '.join(names)}")
    if options.input is not None:
        if REPORTS in options.targets:
            parser.error(f"{REPORTS} takes no input: it prints the log that fails")
        for name in options.targets or TARGETS:
            TARGETS[name](options.input.read_bytes())
        return 0
    failed = [name for name in options.targets or names if not _ran(name, options.seconds)]
    print(f"failed: {', '.join(failed)}" if failed else "no exception")
    return 1 if failed else 0


def _options() -> tuple[argparse.ArgumentParser, argparse.Namespace]:
    parser = argparse.ArgumentParser(prog="python -m tools.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="of tools.fuzz.targets")
    parser.add_argument("--seconds", type=int, default=30, help="for each target")
    parser.add_argument("--input", type=Path, help="give the targets this input, once")
    parser.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    return parser, parser.parse_args()


def _ran(name: str, seconds: int) -> bool:
    """Fuzz one target in a process of its own, which an endless loop in a decoder cannot keep for ever."""
    directory = Path(tempfile.mkdtemp(prefix=f"fuzz-{name}-"))
    words = [sys.executable, "-m", "tools.fuzz", name, "--seconds", str(seconds), "--inside", str(directory)]
    try:
        done = subprocess.run(
            words,
            check=False,
            cwd=ROOT,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds + _OVERTIME_SECONDS,
        )
    except subprocess.TimeoutExpired:
        print(f"{name:18} did not end: see {directory}", flush=True)
        return False
    executed = re.findall(r"Done (\d+) runs in (\d+) second", done.stderr)
    if done.returncode == 0 and executed:
        runs, took = executed[-1]
        print(f"{name:18} {int(runs):>9,} executions in {took} s", flush=True)
        return True
    said = directory / "stderr.txt"
    said.write_text(done.stderr)
    print(f"{name:18} FAILED: see {said}\n{done.stderr[-3000:]}", flush=True)
    return False


def _fuzz(name: str, seconds: int, directory: Path) -> int:
    if name == REPORTS:
        from tools.fuzz.reports import fuzz

        fuzz(seconds)
        return 0
    import atheris

    with atheris.instrument_imports(include=["battle.actors", "tools.fuzz", "h11", "wsproto"]):
        from tools.fuzz.seeds import ODD_VALUES, seeds
        from tools.fuzz.targets import TARGETS
    corpus = directory / "corpus"
    corpus.mkdir()
    for number, seed in enumerate(seeds(name)):
        (corpus / f"seed-{number}").write_bytes(seed)
    words = directory / "words"
    short = [odd for odd in ODD_VALUES if len(odd) <= 32]
    words.write_text("".join('"' + "".join(f"\\x{byte:02x}" for byte in odd) + '"\n' for odd in short if odd))
    arguments = [
        f"-max_total_time={seconds}",
        f"-max_len={MAX_INPUT_BYTES}",
        f"-dict={words}",
        f"-artifact_prefix={directory}/",
        "-timeout=10",
        "-rss_limit_mb=2048",
    ]
    atheris.Setup([sys.argv[0], *arguments, str(corpus)], TARGETS[name])
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
