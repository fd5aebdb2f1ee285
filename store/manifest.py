"""The manifest of a sealed log: what it holds, and a digest of every file, so that no change goes unseen.

The digests (XXH3, 128 bits: 142 MB take 0.03 to 0.08 s) are against accidents: a flipped bit, a copy cut short, a
file of another run in the place of this one's. They are no signature.
"""

import hashlib
from io import BufferedReader
from pathlib import Path

import msgspec
from xxhash import xxh3_128, xxh3_128_hexdigest

from battle.store import typed
from battle.store.errors import LogError
from battle.store.regular import open_regular, read_regular
from battle.store.scan import SegmentHealth

FORMAT_VERSION = 3
MANIFEST = "manifest.json"
RUN_HEADER = "run.json"

MANIFEST_BYTES_MAX = 256 * 2**20
"""A segment takes 1 kB of it, so this is far beyond any run."""

RUN_HEADER_BYTES_MAX = 64 * 2**20
"""The largest scenario that was seen takes 100 kB."""


class SealedFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file of the sealed log: its size, its rows, and its digest in hexadecimal."""

    bytes: int
    rows: int
    digest: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a sealed log holds: its files by table, the health of each segment they were made from, and `problems`.

    A problem is a value that did not fit its column and was replaced by NULL, in DuckDB's words. `run_id` and
    `header_digest` are of `run.json`, NULL when there was none. `digest` is of the manifest's own other fields.
    """

    format_version: int = FORMAT_VERSION
    run_id: str | None = None
    header_digest: str | None = None
    files: dict[str, SealedFile]
    segments: list[SegmentHealth]
    problems: list[str]
    digest: str = ""

    @property
    def tables(self) -> dict[str, int]:
        """The rows of each table."""
        return {table: file.rows for table, file in self.files.items()}


class _Versioned(msgspec.Struct):
    format_version: int


class _Header(msgspec.Struct):
    run_id: str | None = None


def with_versions(manifest: Manifest) -> Manifest:
    """The manifest with its own digest in it."""
    text = _formatted(msgspec.structs.replace(manifest, digest=""))
    return msgspec.structs.replace(manifest, digest=xxh3_128_hexdigest(text))


def encode_manifest(manifest: Manifest) -> bytes:
    """The bytes of a manifest's file, with its own digest in them."""
    return _formatted(with_versions(manifest))


def _formatted(manifest: Manifest) -> bytes:
    return msgspec.json.format(msgspec.json.encode(manifest)) + b"\n"


def read_manifest(run_dir: Path) -> Manifest | None:
    """The manifest of a sealed run; None when the run was not sealed.

    Raises:
        LogError: it cannot be read or understood, or is not what was written.
    """
    path = run_dir / "events" / MANIFEST
    try:
        content = read_regular(path, MANIFEST_BYTES_MAX)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise LogError(f"{path} cannot be read: {error.strerror}") from None
    try:
        version = typed.decode(content, _Versioned).format_version
        if version != FORMAT_VERSION:
            raise LogError(
                f"{path} has format {version}, this version of Battle reads {FORMAT_VERSION}: "
                "read the run with the version that made it, or run the scenario again"
            )
        manifest = typed.decode(content, Manifest)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise LogError(f"{path} is no manifest of this version of Battle: {error}") from None
    if content != encode_manifest(manifest):
        raise LogError(f"{path} is damaged: its digest is not that of its content; {RESTORE}")
    return manifest


RESTORE = "restore it from a copy of the run, or run the scenario again"
"""What to do about a damaged file of a sealed log."""


def sealed_file(path: Path, rows: int) -> SealedFile:
    """How the manifest vouches for a file that was just written. Raises OSError."""
    with open_regular(path) as file:
        digest = hashlib.file_digest(file, xxh3_128).hexdigest()
        return SealedFile(bytes=file.tell(), rows=rows, digest=digest)


def header_facts(run_dir: Path) -> tuple[str | None, str | None]:
    """The run id and the digest of `run.json`; an id that cannot be read is None, and so is all of no file.

    Raises:
        LogError: it is there and cannot be read.
    """
    path = run_dir / RUN_HEADER
    try:
        content = read_regular(path, RUN_HEADER_BYTES_MAX)
    except FileNotFoundError:
        return None, None
    except OSError as error:
        raise LogError(f"{path} cannot be read: {error.strerror}") from None
    try:
        run_id = typed.decode(content, _Header).run_id
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        run_id = None  # whoever asks for more of it will say what is wrong with it
    return run_id, xxh3_128_hexdigest(content)


def check_header(manifest: Manifest, run_dir: Path) -> None:
    """Whether `run.json` is the one that the log was sealed with.

    Raises:
        LogError: it is not.
    """
    run_id, digest = header_facts(run_dir)
    if digest == manifest.header_digest:
        return
    path = run_dir / RUN_HEADER
    if digest is None:
        raise LogError(f"{path} is missing; {RESTORE}")
    if run_id is not None and run_id != manifest.run_id:
        raise LogError(f"{path} is of run {run_id}, the log beside it of run {manifest.run_id}; {RESTORE}")
    raise LogError(f"{path} is damaged: its digest differs from the manifest's; {RESTORE}")


def check_file(path: Path, file: BufferedReader, expected: SealedFile | None) -> None:
    """Whether an open file of the log is the one that was sealed; it is read from its start.

    Raises:
        LogError: it is not.
    """
    if expected is None:
        raise LogError(f"{path.with_name(MANIFEST)} does not mention {path.name}; {RESTORE}")
    file.seek(0)
    digest = hashlib.file_digest(file, xxh3_128).hexdigest()
    if (file.tell(), digest) != (expected.bytes, expected.digest):
        raise LogError(f"{path} is damaged: its digest differs from the manifest's; {RESTORE}")


def check_nothing_else(manifest: Manifest, events: Path) -> None:
    """Whether there is no file of a log beside those of this one.

    Raises:
        LogError: there is one.
    """
    known = {f"{table}.parquet" for table in manifest.files}
    known |= {
        f"{segment.segment}.ndjson" for segment in manifest.segments
    }  # left by a crash right after sealing
    for path in sorted(events.iterdir()):
        if path.suffix in (".parquet", ".ndjson") and path.name not in known:
            raise LogError(f"{path} is no part of the sealed log beside it: move it elsewhere")
