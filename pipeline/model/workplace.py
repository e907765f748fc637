"""Where the work of a range is done: the one spelling of it, in the configuration and on the command line.

Belongs here: its form. Who works there is `tasks/executors.py`'s.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MOST_PROCESSES = 256

WORDS = f"here, processes:N (1 to {MOST_PROCESSES}), dask:tcp://host:8786 or dask-file:/path"

_NUMBER = re.compile(r"[1-9][0-9]{0,2}", re.ASCII)
_ADDRESS = re.compile(r"(tcp|tls)://[^\s/@:]+(:[0-9]{1,5})?|(tcp|tls)://\[[0-9a-f:]+\]:[0-9]{1,5}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Workplace:
    """Who computes: this process, processes of this machine, or a Dask cluster.

    Args:
        kind: `here`, `processes`, `dask` or `dask-file`.
        where: Of processes their number; of a cluster its scheduler's address, or the file that has it.
    """

    kind: str = "here"
    where: str = ""

    def __str__(self) -> str:
        """As it is written."""
        return f"{self.kind}:{self.where}" if self.where else self.kind


def parse(text: str) -> Workplace | None:
    """The workplace that a text names; None where it names none."""
    kind, colon, where = text.partition(":")
    known = {
        "here": not colon,
        "processes": _NUMBER.fullmatch(where) and int(where) <= MOST_PROCESSES,
        "dask": _ADDRESS.fullmatch(where),
        "dask-file": where.startswith("/") and where.isprintable(),
    }
    return Workplace(kind=kind, where=where) if known.get(kind) else None
