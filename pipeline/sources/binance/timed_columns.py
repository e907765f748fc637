"""Which column of a funding or metrics file is what: by the names of its header or of JSON, or by custom.

Belongs here: finding the header, the fields of a line. What a field means is its adapter's, which rows are of
the day is `timed_rows.py`'s.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pipeline.clock import parse_instant
from pipeline.errors import SourceError
from pipeline.sources.klines.rows import market_us
from pipeline.sources.text.json_array import elements, is_array
from pipeline.sources.text.json_value import cell, value_of
from pipeline.sources.text.lines import BOM

Values = tuple[float | None, ...]
Fields = Mapping[str, bytes]
"""Field -> its text; a field that the file has no column for is not in it."""

TEXT_LINES_MAX = 5
"""So many lines of text may stand before a header."""

_NAME = re.compile(rb"[A-Za-z_][A-Za-z0-9_ ]*")
_MARKS = re.compile(rb"[^a-z0-9]+")
_BLANKS = b' \t\r"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """How the rows of a feed may be written.

    Attributes:
        names: Field -> the names of its column, in lower case without marks: `calctime` is calc_time too.
        nameless: The fields of columns without a header, in order.
        needed: The fields without which a table is of another kind.
        said: The needed ones as the exchange calls them, in words.
        columns: The columns of the clean table that the values become.
        parse: Fields -> the row's instant in us and its other values; ValueError says what is wrong.
    """

    names: Mapping[str, tuple[str, ...]]
    nameless: tuple[str, ...]
    needed: tuple[str, ...]
    said: str
    columns: tuple[str, ...]
    parse: Callable[[Fields], tuple[int, Values]]

    def places(self, names: list[bytes]) -> dict[str, int] | None:
        """Field -> the position of its name; None where these name a table of another kind."""
        plain = [_plain(name) for name in names]
        found = {
            field: plain.index(next(name for name in known if name in plain))
            for field, known in self.names.items()
            if any(name in plain for name in known)
        }
        is_kline = "close" in plain
        return None if is_kline or any(f not in found for f in self.needed) else found


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """What stands where in the lines of a file; `places` is None where each line is a JSON object.

    `header` is the header's line, where there is one, and `before` counts the lines of text above it.
    """

    form: Form
    places: dict[str, int] | None
    width: int = 0
    header: bytes | None = None
    before: int = 0
    ignored: tuple[str, ...] = ()

    def fields(self, line: bytes) -> Fields:
        """The fields of a line.

        Raises:
            ValueError: it has another number of columns, or is no JSON object.
        """
        if self.places is None:
            given = _object(line)
            places = self.form.places(list(given))
            if places is None:
                raise ValueError(f"no {' and '.join(self.form.needed)} among its keys")
            texts = list(given.values())
        else:
            places, texts = self.places, split(line)
            if len(texts) != self.width:
                raise ValueError(f"{len(texts)} columns; wanted {self.width}")
        return {field: texts[at] for field, at in places.items()}


def columns_of(head: bytes, form: Form) -> Columns | None:
    """What a text that begins so has where; None where its header, or its first line, is of another kind."""
    lines = [line for line in head.removeprefix(BOM).split(b"\n") if line.strip()]
    if is_array(head) or (lines and lines[0].lstrip().startswith(b"{")):
        return _of_objects(head, lines, form)
    first = [split(line) for line in lines[: TEXT_LINES_MAX + 1]]
    for before, names in enumerate(first):
        places = form.places(names)
        if places is not None:
            unknown = (n for at, n in enumerate(names) if at not in places.values())
            return Columns(
                form=form,
                places=places,
                width=len(names),
                header=lines[before].strip(),
                before=before,
                ignored=tuple(name.decode("utf-8", "replace")[:40] for name in unknown),
            )
        if _is_row(names, form):
            break
    return None if first and _is_header(first[0]) else by_custom(form)


def by_custom(form: Form) -> Columns:
    """The columns of a file without a header."""
    places = {field: at for at, field in enumerate(form.nameless)}
    return Columns(form=form, places=places, width=len(places))


def claims(head: bytes, form: Form) -> bool:
    """Whether a text that begins so names the form's columns, or has a row of them in its first line."""
    columns = columns_of(head, form)
    if columns is None or columns.header is not None or columns.places is None:
        return columns is not None
    lines = head.removeprefix(BOM).split(b"\n")
    return _is_row(split(next((line for line in lines if line.strip()), b"")), form)


def split(line: bytes) -> list[bytes]:
    """The texts between a line's commas, without blanks and quotes around them."""
    return [text.strip(_BLANKS) for text in line.split(b",")]


def instant(text: bytes, what: str) -> int:
    """A stamp in us: an epoch number of any unit, or `2025-01-02 00:05:00`, in UTC where no zone is said.

    Raises:
        ValueError: neither, or before 2001-09-09.
    """
    if re.fullmatch(rb"[0-9]{9,19}", text):
        return market_us(int(text))
    try:
        return parse_instant(text.decode("ascii"))[0]
    except ValueError:
        raise ValueError(f"{what} {text[:40]!r} is not as 2025-01-02 00:05:00") from None


def refused(name: str, form: Form) -> SourceError:
    """A file whose header names another table."""
    return SourceError(
        f"{name}: its header does not name {form.said}; wanted the exchange's own names, or no header;"
        " see its first line",
        code="B02",
    )


def _of_objects(head: bytes, lines: list[bytes], form: Form) -> Columns | None:
    first = next(iter(elements("head", [head])), None) if is_array(head) else None
    text = first.lines[0] if first is not None else lines[0]
    try:
        places = form.places(list(_object(text)))
    except ValueError:
        places = {} if is_array(head) else None
    return None if places is None else Columns(form=form, places=None)


def _object(line: bytes) -> dict[bytes, bytes]:
    """Key -> value of a flat JSON object, as text; null is empty text."""
    given = value_of(line)
    if not isinstance(given, dict):
        raise ValueError("not the JSON object that was expected")
    return {key.encode(): cell(value) for key, value in given.items()}


def _is_row(texts: list[bytes], form: Form) -> bool:
    if len(texts) != len(form.nameless):
        return False
    try:
        form.parse(dict(zip(form.nameless, texts, strict=True)))
    except ValueError:
        return False
    return True


def _is_header(texts: list[bytes]) -> bool:
    """Whether each of several columns is a word."""
    return len(texts) > 1 and all(_NAME.fullmatch(text) for text in texts)


def _plain(name: bytes) -> str:
    return _MARKS.sub(b"", name.lower()).decode("ascii")
