"""Pages of docs/ whose code is run: their blocks, in order, and what they say that these print.

A block of `sh` or `python` is what a reader types; a block of `text` right after it is what it prints. There
`..` stands for anything within a line, and on a line of its own for any number of lines.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.locations import PROJECT

_FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)


def page(name: str) -> str:
    """The text of a file of the project, such as `docs/reading.md`."""
    return (PROJECT / name).read_text()


def blocks(text: str, language: str) -> list[str]:
    """The code of all blocks of a language."""
    return [code for word, code in _FENCE.findall(text) if word == language]


@dataclass(frozen=True, slots=True)
class Step:
    """A block to run, and what the page shows that it prints; None where it shows nothing."""

    language: str
    code: str
    shown: str | None


def steps(text: str) -> list[Step]:
    """The blocks that are run."""
    found = [(*match.groups(), match.span()) for match in _FENCE.finditer(text)]
    ended = []
    for i, (language, code, (_, end)) in enumerate(found):
        if language in ("sh", "python"):
            word, shown, (start, _) = found[i + 1] if i + 1 < len(found) else ("", "", (0, 0))
            is_its = word == "text" and not text[end:start].strip()
            ended.append(Step(language, code, shown if is_its else None))
    return ended


def agrees(shown: str, printed: str) -> bool:
    """Whether what is printed is what a page shows, `..` standing for what differs."""
    lines = []
    for line in shown.splitlines():
        parts = (re.escape(part) for part in line.rstrip().split(".."))
        lines.append(r"(?:.*\n)*?" if line == ".." else ".*".join(parts) + r"[ ]*\n")
    return re.fullmatch("".join(lines), printed.rstrip("\n") + "\n") is not None


@dataclass
class Reader:
    """Who types a page's blocks: one shell and one Python, both in the same place.

    Attributes:
        folder: Where the shell is; empty in the beginning.
        before: Called with a block before it is run, and gives the block to run: for what a test machine has
            elsewhere, such as the exchange.
    """

    folder: Path
    environ: dict[str, str] = field(default_factory=dict)
    before: Callable[[str], str] = str
    names: dict[str, Any] = field(default_factory=dict)

    def follow(self, text: str) -> list[str]:
        """Runs all, and returns what they printed; a block that fails or prints anything else is told."""
        return [self.take(step) for step in steps(text)]

    def take(self, step: Step) -> str:
        """Runs one block."""
        code = self.before(step.code)
        printed = self._typed(code) if step.language == "sh" else self._called(code)
        if step.shown is not None and not agrees(step.shown, printed):
            raise AssertionError(
                f"{step.code}\nis shown to print\n{step.shown}\nand prints\n{printed}"
            )
        return printed

    def _typed(self, code: str) -> str:
        """In a shell that stops at the first failure; the next one goes on in its folder, with its names."""
        left = self.folder / ".left-in"
        run = subprocess.run(
            ["bash", "-e", "-c", f"trap '(pwd; env -0) >{left}' EXIT\n{code}"],
            cwd=self.folder,
            env=self._environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        folder, _, exported = left.read_text().partition("\n")
        self.folder = Path(folder)
        self.environ = dict(it.split("=", 1) for it in exported.split("\0") if it)
        left.unlink()
        if run.returncode:
            raise AssertionError(f"{code}\nends with {run.returncode}:\n{run.stdout}")
        return run.stdout

    def _called(self, code: str) -> str:
        """In this process, with the names of the blocks before."""
        printed = io.StringIO()
        with contextlib.chdir(self.folder), contextlib.redirect_stdout(printed):
            exec(compile(code, "<a page of docs>", "exec"), self.names)  # noqa: S102 - our own page
        return printed.getvalue()

    def _environment(self) -> dict[str, str]:
        """Of a login: no configuration of anybody else's, the commands of this Python in front."""
        kept = {key: it for key, it in os.environ.items() if not key.startswith("KITCHEN_")}
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        return {**kept, "PATH": path, "COLUMNS": "120", "NO_COLOR": "1", **self.environ}
