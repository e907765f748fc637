"""`tape.json`: how the day's tapes and its klines agree, as typed values.

Belongs here: the form of the document, which `proof/` makes, and the report, the manifest and the index tell
parts of. `TapeFinding` is the whole of a symbol's day.
"""

from __future__ import annotations

from typing import Any

from pipeline.contracts.value import Value, read_as, to_json

__all__ = ["Contradiction", "TapeFault", "TapeFinding", "TapeProof", "from_json", "to_json"]


class TapeProof(Value, frozen=True, kw_only=True):
    """One tape as archived, held against the klines.

    Args:
        covered: Minutes from its first trade to its last one, and quiet ones beside these.
        proven: Of them, those in which every column that both have agrees.
        lost: Minutes with trades in the klines and none in the tape, covered or not.
        differing: Column -> covered minutes in which it differs, where there are any.
        mended: Minutes that were mended from the other archive and agree since.
    """

    covered: int
    proven: int
    lost: int
    differing: dict[str, int]
    mended: int = 0


class TapeFault(Value, frozen=True, kw_only=True):
    """A fault of an archive of trades: its code, of how many rows or minutes, and between which minutes."""

    code: str
    source: str
    what: str
    count: int
    minutes: int
    mended: int
    first: str | None
    last: str | None


class Contradiction(Value, frozen=True, kw_only=True):
    """A value of a kline that two tapes, which agree, contradict (defect B27)."""

    minute: str
    column: str
    kline: float
    tapes: float
    by: tuple[str, ...]


class TapeFinding(Value, frozen=True, kw_only=True):
    """The tapes of a symbol's day.

    Args:
        sources: Tape -> minutes that it was used for, the preferred first.
        minutes: Minutes with a tape.
        proven: Of them, those in which the tape used, mended where it could be, and the kline agree.
        differing: Column -> of them, those in which this tape differed as archived, where there are any.
        tapes: Each tape by itself, as archived.
        pairs: Two tapes, such as `trades, agg_trades` -> column -> minutes in which they differ.
        faults: What is wrong with the archives.
        contradicted: What is wrong with the klines, the first values of it.
        wrong_klines: Minutes of the day, 0..1439, whose kline two tapes contradict.
    """

    sources: dict[str, int]
    minutes: int
    proven: int
    differing: dict[str, int]
    tapes: dict[str, TapeProof]
    pairs: dict[str, dict[str, int]]
    faults: tuple[TapeFault, ...] = ()
    contradicted: tuple[Contradiction, ...] = ()
    wrong_klines: tuple[int, ...] = ()


def from_json(value: Any) -> TapeFinding:
    """The document in a JSON value.

    Raises:
        ContractError: a field is unknown, absent or of another type.
    """
    return read_as(TapeFinding, value, "tape.json", "Footprint")
