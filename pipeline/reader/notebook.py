"""What a notebook shows of a store and of a date: a line, and a small table."""

from __future__ import annotations

import html
from collections.abc import Sequence


def table(line: str, head: Sequence[str], rows: Sequence[Sequence[object]], more: int) -> str:
    """A small table as HTML.

    Args:
        line: What it is, above the table.
        head: A word a column.
        rows: Texts, or what is shown as such.
        more: So many rows are left out.
    """
    above = f"<p>{html.escape(line)}</p>"
    body = "".join(f"<tr>{_cells('td', row)}</tr>" for row in rows)
    rest = f"<p>and {more} more</p>" if more > 0 else ""
    return f"{above}<table><thead><tr>{_cells('th', head)}</tr></thead><tbody>{body}</tbody></table>{rest}"


def _cells(tag: str, row: Sequence[object]) -> str:
    return "".join(f"<{tag}>{html.escape(str(it))}</{tag}>" for it in row)
