"""Small git repositories for tests, made quickly and without the settings of whoever runs them."""

import os
import subprocess
from pathlib import Path


class Scratch:
    """A repository at `top`, whose commits have files by name."""

    def __init__(self, top: Path) -> None:
        self.top = top
        top.mkdir(parents=True)
        self.git("init", "-q", "-b", "main")

    def git(self, *words: str, given: str = "") -> str:
        """What git says when `given` is its input, without the end of the line."""
        environ = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        environ |= {
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_AUTHOR_NAME": "Ada",
            "GIT_AUTHOR_EMAIL": "ada@example.com",
            "GIT_COMMITTER_NAME": "Ada",
            "GIT_COMMITTER_EMAIL": "ada@example.com",
            "GIT_AUTHOR_DATE": "2026-11-20T10:00:00+01:00",
        }
        ran = subprocess.run(
            ["git", *words],
            cwd=self.top,
            env=environ,
            input=given,
            capture_output=True,
            text=True,
            check=True,
        )
        return ran.stdout.rstrip("\n")

    def line(self, *texts: str, name: str = "s.toml") -> list[str]:
        """A commit for each text of one file, in which "" is no file at all: by one process of git, for speed."""
        who = "Ada <ada@example.com> 1795165200 +0100"
        given = []
        for place, text in enumerate(texts):
            subject = f"change {place}"
            given.append(f"commit refs/heads/main\nmark :{place + 1}\nauthor {who}\ncommitter {who}\n")
            given.append(f"data {len(subject)}\n{subject}\n" + (f"from :{place}\n" if place else ""))
            given.append(
                f"M 644 inline {name}\ndata {len(text.encode())}\n{text}\n" if text else "deleteall\n"
            )
        self.git("fast-import", "--quiet", given="".join(given))
        self.git("reset", "-q", "--hard")
        return self.git("rev-list", "--reverse", "HEAD").split()

    def commit(self, subject: str, **files: str | None) -> str:
        """Commit files (`a_toml="text"` is the file `a.toml`; None removes it). The answer is the hash."""
        for name, text in files.items():
            path = self.top / name.replace("__", "/").replace("_", ".")
            if text is None:
                path.unlink()
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
        self.git("add", "-A", "--", ":!battle_results")
        self.git("commit", "-q", "--allow-empty", "-m", subject)
        return self.git("rev-parse", "HEAD")

    def state(self) -> tuple[object, ...]:
        """All of it that a command may not change: files, index, HEAD, branches, stash, worktrees."""
        git = self.top / ".git"
        files = {
            path.relative_to(self.top): path.read_bytes()
            for path in self.top.rglob("*")
            if path.is_file() and ".git" not in path.parts and "battle_results" not in path.parts
        }
        return (
            files,
            (git / "index").read_bytes(),
            (git / "HEAD").read_text(),
            self.git("for-each-ref"),
            self.git("reflog", "--all"),
            self.git("worktree", "list", "--porcelain"),
            sorted(path.name for path in (git / "worktrees").glob("*")),
        )
