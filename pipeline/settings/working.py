"""The `workers` section of kitchen.yaml: who builds the spans of a range, and in which portions.

Nothing here decides a result. Standard library only, so that a run with nothing to do stays light.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from pipeline.errors import ParameterError
from pipeline.free_form import Document
from pipeline.model import workplace
from pipeline.model.workplace import Workplace

SCHEMA: Document = {
    "type": "dict",
    "default": {},
    "schema": {
        "executor": {"type": "string", "form": "workplace"},
        "shard_symbols": {"type": "integer", "min": 1, "max": 1000},
        "retries": {"type": "integer", "min": 0, "max": 100},
        "patience_seconds": {"type": "number", "min": 1, "max": 604_800},
    },
}
"""For cerberus."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workers:
    """Who builds the spans of a range.

    Args:
        executor: Where a symbol's days of a month are built.
        shard_symbols: Of so many symbols at most is a span, which is one task to Luigi.
        retries: A symbol's month whose worker died is built again so often.
        patience_seconds: So long a scheduler that does not answer, a cluster without workers, and a day that
            another run has in hand are waited for.
    """

    executor: Workplace = field(default_factory=Workplace)
    shard_symbols: int = 50
    retries: int = 2
    patience_seconds: float = 300


def workers(document: Document) -> Workers:
    """The section of a checked document."""
    return Workers(**{**document, "executor": asked(document.get("executor", "here"), "executor")})


def asked(text: str, what: str) -> Workplace:
    """The workplace of a text.

    Raises:
        ParameterError: it names none.
    """
    found = workplace.parse(text)
    if found is None:
        raise ParameterError(f"{what}: got {text!r}, wanted {workplace.WORDS}")
    return found
