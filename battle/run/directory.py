"""Run directories: where a run lies, what its header says, which one is the latest."""

import os
import platform
import re
import shlex
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import msgspec
import psutil

from battle.actors.redaction import REDACTED, redacted
from battle.actors.spec.gateways import Gateway
from battle.actors.world.interfaces import WorldName
from battle.defaults import DEFAULT_OUT
from battle.errors import BattleError, StartError
from battle.run.backend import Backend
from battle.run.plan import RunPlan
from battle.run.revision import ci_runner, current_revision
from battle.run.secrets import names_in
from battle.scenario.gateways import gateway_label
from battle.scenario.measurability import OmittedSlo
from battle.scenario.run_header import RunHeader
from battle.scenario.slo.slo import Slo

HEADER = "run.json"
LATEST = "latest"

PATH_BYTES_MAX = 4095
"""Linux's PATH_MAX, without the NUL at its end."""

ROOM_BYTES = 200
"""For the run's own name, and the longest name of a file in it."""

_CPU_INFO = Path("/proc/cpuinfo")

_PACKAGES = ("trio", "msgspec", "duckdb", "httptools")


def create_run_directory(
    out: Path,
    plan: RunPlan,
    world: WorldName,
    omitted: Sequence[OmittedSlo] = (),
    command: str | None = None,
    changes: Sequence[str] = (),
    gateway_version: str | None = None,
) -> Path:
    """Make the directory of a new run below `out`, with its header in it; `omitted` SLOs are named there.

    `command` is what one types to run it again, `changes` are what this run changed of its scenario,
    `gateway_version` is what the gateway's program says of itself.

    Raises:
        StartError: `out` cannot be written, or `latest` in it is something of somebody else's.
    """
    check_path(out)
    _check_latest(out / LATEST)
    started = datetime.now(UTC)
    slug = re.sub(r"[^a-z0-9]+", "-", plan.scenario.name.lower()).strip("-")[:40]
    stem = f"{started:%Y%m%d-%H%M%S}-{slug}-{world}"
    try:
        run_dir = fresh_directory(out, stem)
        header = msgspec.structs.asdict(
            _header(plan, world, run_dir.name, started, omitted, command, changes)
        )
        if gateway_version is not None:
            header["versions"] = header["versions"] | {"gateway": gateway_version}
        data = _without_secrets(msgspec.to_builtins(header, order="deterministic"))
        (run_dir / HEADER).write_bytes(msgspec.json.format(msgspec.json.encode(data)))
    except OSError as error:
        raise StartError(
            f"the run cannot be written below {out}: {_why(out, error)}; give another --out"
        ) from None
    return run_dir


def _check_latest(latest: Path) -> None:
    """Before anything starts: replacing a directory would fail, replacing a file would lose it."""
    if os.path.lexists(latest) and not os.path.islink(latest):
        raise StartError(
            f"{latest} is not the link to the newest run that Battle makes: move it away, or give another --out"
        )


def check_path(out: Path) -> None:
    """Refuse what the database and the reports could not say, or no file system could hold. Raises StartError."""
    text = str(out)
    try:
        text.encode()
    except UnicodeEncodeError:
        shown = text.encode(errors="backslashreplace").decode()
        raise StartError(f"the path {shown} is not UTF-8; give another --out") from None
    if "\0" in text:
        raise StartError("a path cannot hold the character NUL; give another --out")
    length = len(os.fsencode(out.absolute())) + ROOM_BYTES
    if length > PATH_BYTES_MAX:
        raise StartError(
            f"the path of --out is too long: with the files of a run below it {length:,} bytes, of at most "
            f"{PATH_BYTES_MAX:,}; give a shorter one"
        )


def _why(out: Path, error: OSError) -> str:
    if isinstance(error, FileExistsError) and out.is_symlink() and not out.exists():
        return "it is a link to something that does not exist"
    if isinstance(error, FileExistsError | NotADirectoryError):
        return "it, or a part of its path, is a file and not a directory"
    return error.strerror or str(error)


def point_latest(run_dir: Path) -> None:
    """Let `latest` beside the run mean this run; the link is replaced in one step, so nobody ever finds none."""
    temporary = run_dir.with_name(f".{LATEST}-{run_dir.name}")
    temporary.symlink_to(run_dir.name)
    os.replace(temporary, run_dir.with_name(LATEST))


def discard_run_directory(run_dir: Path) -> None:
    """Remove the directory of a run that never started; `latest` means the newest of the others again."""
    shutil.rmtree(run_dir)
    latest = run_dir.with_name(LATEST)
    if latest.is_symlink() and latest.readlink().name == run_dir.name:
        if others := _run_ids(run_dir.parent):
            point_latest(run_dir.with_name(others[-1]))
        else:
            latest.unlink()


def _run_ids(out: Path) -> list[str]:
    """The runs below `out`, oldest first."""
    headers = out.glob(f"*/{HEADER}")
    return sorted(header.parent.name for header in headers if header.parent.name != LATEST)


def find_run(text: str, out: Path = DEFAULT_OUT) -> Path:
    """The run that `text` means: `latest`, a run id below `out`, or a directory.

    Raises:
        BattleError: there is no such run.
    """
    for candidate in (out / text, Path(text)):
        if _is_run(candidate):
            return candidate.resolve()
    known = _run_ids(out)
    hint = f"the newest below {out} is {known[-1]}" if known else f"there is none below {out}"
    raise BattleError(f"there is no run {text!r}; {hint}")


def _is_run(candidate: Path) -> bool:
    """Whether it looks like a run; what is in it may be anything, and whoever reads it says what is wrong with it."""
    try:
        return os.path.lexists(candidate / HEADER) or (candidate / "events").is_dir()
    except (OSError, ValueError):
        return False  # no path at all: too long, say, or with a null character in it


def fresh_directory(out: Path, stem: str) -> Path:
    """A new directory below `out`, named `stem`, or with a number behind it if that is there. Raises OSError."""
    out.mkdir(parents=True, exist_ok=True)
    number = 1
    while True:
        run_dir = out / (stem if number == 1 else f"{stem}-{number}")
        try:
            run_dir.mkdir()
        except FileExistsError:
            number += 1
        else:
            return run_dir


def command_text(
    source: str,
    world: WorldName,
    seed: int,
    gateway: Gateway | str | Path | None,
    backend: Backend = "mock",
    providers: Path | str | None = None,
) -> str | None:
    """What one types to run it again; None where the gateway is an object, which cannot be typed."""
    if gateway is not None and not isinstance(gateway, str | Path):
        return None
    named = [] if gateway is None else ["--gateway", redacted(str(gateway))]
    if backend == "real":
        named += ["--backend", "real"]
    if providers is not None:
        named += ["--providers", str(providers)]
    return shlex.join(["battle", "run", source, "--world", world, "--seed", str(seed), *named])


def _header(
    plan: RunPlan,
    world: WorldName,
    run_id: str,
    started: datetime,
    omitted: Sequence[OmittedSlo],
    command: str | None,
    changes: Sequence[str],
) -> RunHeader:
    scenario, revision, runner = plan.scenario, current_revision(), ci_runner(os.environ)
    return RunHeader(
        run_id=run_id,
        scenario=scenario,
        slo=scenario.slo if isinstance(scenario.slo, Slo) else scenario.slos,
        workload_slos=scenario.workload_slos,
        strict=scenario.strict,
        min_requests=scenario.min_requests,
        seed=plan.seed,
        world=world,
        gateway=gateway_label(scenario.gateway),
        planned_duration_ns=plan.load,
        timeline=plan.timeline,
        started_at=started.isoformat(timespec="milliseconds"),
        host={
            "system": f"{platform.system()} {platform.release()}",
            "machine": platform.machine(),
            "cpu": _cpu_model(),
            "cpus": os.cpu_count(),
            "memory_bytes": psutil.virtual_memory().total,
            **({} if runner is None else {"runner": runner}),
        },
        versions={
            "python": platform.python_version(),
            "battle": metadata.version("battle-gateway"),
            **{package: metadata.version(package) for package in _PACKAGES},
        },
        omitted_slos=omitted,
        commit=revision.commit,
        branch=revision.branch,
        dirty=revision.dirty,
        command=command,
        changes=tuple(changes),
    )


def _without_secrets(data: Any) -> Any:
    """Plain data in which no URL and no header has its secrets: run.json is kept, and passed on as a CI artefact."""
    if isinstance(data, dict):
        return {
            key: _without_values(value)
            if key == "headers" and isinstance(value, dict)
            else _without_secrets(value)
            for key, value in data.items()
        }
    if isinstance(data, list):
        return [_without_secrets(one) for one in data]
    return redacted(data) if isinstance(data, str) else data


def _without_values(headers: dict[str, Any]) -> dict[str, Any]:
    """Headers as they are written with the names of secrets; a value that names none may be a secret itself."""
    return {name: value if names_in(str(value)) else REDACTED for name, value in headers.items()}


def _cpu_model() -> str | None:
    """What the machine calls its processor: a comparison of latencies must know whether it was the same one."""
    try:
        lines = _CPU_INFO.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), None)
