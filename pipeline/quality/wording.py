"""How the report writes a number, an instant and a vendor's text; and the tables that hold them.

Belongs here: values -> text, without any markup. Which figure stands where is `sections.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from pipeline.free_form import Json

NONE = "–"

Rows = tuple[tuple[str, ...], ...]
Report = Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table of text. `right` names the columns of numbers; `empty` is said when there is no row.

    `brief`: whether a terminal shows it too, which has no room for what is rarely asked for.
    """

    head: tuple[str, ...]
    rows: Rows
    right: frozenset[int] = frozenset()
    empty: str = "None."
    marks: tuple[str, ...] = ()
    brief: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A titled part of the report. `plots` names drawings; `text` is set in fixed-width letters.

    `in_letters` are the drawings where there can be none. `folded`: evidence, to be opened by who asks, for
    which `fact` stands until then.
    """

    name: str
    title: str
    fact: str = ""
    lead: str = ""
    tables: tuple[Table, ...] = ()
    plots: tuple[str, ...] = ()
    text: tuple[str, ...] = ()
    in_letters: tuple[str, ...] = ()
    folded: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of a table: its head, what it says of an entry, whether that is a number."""

    head: str
    said: Callable[[Any], str]
    right: bool = False


def table(
    entries: Iterable[Any],
    *columns: Column,
    empty: str = "None.",
    marks: tuple[str, ...] = (),
    brief: bool = True,
) -> Table:
    """A row for each entry."""
    return Table(
        head=tuple(column.head for column in columns),
        rows=tuple(tuple(column.said(entry) for column in columns) for entry in entries),
        right=frozenset(at for at, column in enumerate(columns) if column.right),
        empty=empty,
        marks=marks,
        brief=brief,
    )


def text(key: str, head: str | None = None) -> Column:
    """What an entry, a mapping or a value, has under a key, as `plain` text."""
    return Column(head=key if head is None else head, said=lambda entry: plain(_of(entry, key)))


def figure(key: str, head: str | None = None, write: Callable[[Any], str] | None = None) -> Column:
    """What an entry has under a key as a number."""
    written = write or number
    head = key if head is None else head
    return Column(head=head, said=lambda entry: written(_of(entry, key)), right=True)


def time(key: str, head: str | None = None) -> Column:
    """The instant that an entry has under a key."""
    return Column(
        head=key if head is None else head, said=lambda entry: clock_time(_of(entry, key))
    )


def _of(entry: Any, key: str) -> Any:
    return entry[key] if isinstance(entry, dict) else getattr(entry, key)


def plain(text: Any) -> str:
    """Text with every character that does not print written as an escape; None as a dash."""
    if text is None:
        return NONE
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(text))


def words(name: str) -> str:
    """A name of the program as people say it."""
    return name.replace("_", " ")


def number(value: Any, unit: str = "") -> str:
    """A number with its unit: fractions as percent, six significant digits; None as a dash."""
    if value is None or isinstance(value, bool) or not isinstance(value, (int, float)):
        return plain(value)
    if unit == "fraction":
        return share(value)
    text = str(value) if isinstance(value, int) else f"{value:.6g}"
    return f"{text} {unit}".rstrip()


def share(value: float | None) -> str:
    """A fraction as percent, three decimals at most, never rounded up to the whole."""
    if value is None:
        return NONE
    text = f"{100 * value:.3f}".rstrip("0").rstrip(".")
    return "99.999+ %" if text == "100" and value < 1 else f"{text} %"


def rho(value: float | None) -> str:
    """A correlation, four decimals."""
    return NONE if value is None else f"{value:.4f}"


def price(value: float | None) -> str:
    """A price or volume as it was measured, up to 12 digits."""
    return NONE if value is None else f"{value:.12g}"


def clock_time(instant: str | None) -> str:
    """`07:36` of a minute's instant; other text as it is."""
    if instant and len(instant) == 20 and instant.endswith(":00Z"):
        return instant[11:16]
    return plain(instant)


def limit(entry: Report) -> str:
    """What was wanted of a figure: `at least 95 %`."""
    return f"{entry['relation']} {number(entry['limit'], entry['unit'])}"
