"""The exchange's trades as text: CSV, with a header or without, row by row in blocks of lines.

Belongs here: what the columns of a file are, and which of its lines are no rows. Parquet comes here as the
CSV that it would be (`trade_parquet.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import takewhile

from pipeline.free_form import Json
from pipeline.sources.binance.trade_line import Kind, Shape, named_shape, placed_shape
from pipeline.sources.text.lines import is_comment, text_of

MOST_BEFORE_HEADER = 5
"""So many lines of other text, an address or a comment, may stand before a header."""

_HEAD_BYTES = 1 << 16
_SAMPLES = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What a file's rows look like. `skip` are the numbers of the header and of the text before the rows;
    `header` are its words, empty without one.
    """

    shape: Shape
    header: tuple[str, ...] = ()
    skip: frozenset[int] = frozenset()

    def notes(self) -> Json:
        """For the ledger: whether there is a header, and columns that nobody reads."""
        named = zip(self.header, self.shape.names, strict=False)
        notes: Json = {"header": bool(self.header)}
        ignored = [word.strip() for word, name in named if name is None]
        return notes | ({"ignored_columns": ignored} if ignored else {})


def layout_of(kind: Kind, market: str, head: bytes) -> Layout | None:
    """The layout of a text that begins so: of its header, else of its first row that is a trade.

    None where no line tells; such a file is read as the market's archives are today.
    """
    lines = [text_of(line).strip() for line in head[:_HEAD_BYTES].split(b"\n")]
    shapes = [placed_shape(kind, market, best=best) for best in (False, True)]
    for number, line in enumerate(lines[: MOST_BEFORE_HEADER + 1], 1):
        words = tuple(line.decode("utf-8", "replace").split(","))
        shape = named_shape(kind, words)
        if shape is not None:
            skip = frozenset(range(1, number + 1))
            return Layout(shape=shape, header=words, skip=skip)
        if any(shape.is_trade(line.split(b",")) for shape in shapes):
            break
    for fields in (line.split(b",") for line in lines[:_SAMPLES]):
        shape = next((shape for shape in shapes if shape.is_trade(fields)), None)
        if shape is not None:
            return Layout(shape=shape, skip=_comments(lines))
    return None


def _comments(lines: list[bytes]) -> frozenset[int]:
    """The numbers of the lines before the first row that say of themselves that they are none."""
    above = takewhile(
        lambda numbered: not numbered[1] or is_comment(numbered[1]), enumerate(lines, 1)
    )
    return frozenset(number for number, line in above if line)


def usual_layout(kind: Kind, market: str) -> Layout:
    """The layout of the market's archives without a header."""
    return Layout(shape=placed_shape(kind, market, best=market == "spot"))
