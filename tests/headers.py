"""Runs whose header is another one: what a test would otherwise have to run a whole scenario for."""

from pathlib import Path
from typing import Any

import msgspec

from battle.store.manifest import MANIFEST, encode_manifest, header_facts, read_manifest


def replace_header(run_dir: Path, header: dict[str, Any]) -> None:
    """Write another `run.json` of a sealed run; the manifest vouches for it as if it had been there at sealing."""
    (run_dir / "run.json").write_bytes(msgspec.json.encode(header))
    manifest = read_manifest(run_dir)
    assert manifest is not None
    run_id, digest = header_facts(run_dir)
    changed = msgspec.structs.replace(manifest, run_id=run_id, header_digest=digest)
    (run_dir / "events" / MANIFEST).write_bytes(encode_manifest(changed))
