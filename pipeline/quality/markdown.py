"""The report for a terminal: Markdown with aligned tables, no HTML."""

from __future__ import annotations

import re

from pipeline.quality.sections import MEANING, headline, sections
from pipeline.quality.wording import Report, Section, Table, plain

_PROSE = 64
_SPECIAL = re.compile(r"([\\|<`\[])")


def markdown(report: Report) -> str:
    """The report's JSON as Markdown, the verdict first. Equal JSON gives equal text."""
    header = report["header"]
    parts = [
        f"# {_text(header['symbol'])} {_text(header['market'])} {_text(header['date'])}",
        *(["**SIMULATED DATA**"] if header["simulated"] else []),
        f"**{_text(header['line'])}** ({MEANING[header['condition']]})",
        "\n".join(
            f"- {_text(what)}: **{_text(value)}**, {_text(remark)}"
            for what, value, remark in headline(report)
        ),
        *(_section(section) for section in sections(report)),
    ]
    return "\n\n".join(parts) + "\n"


def _section(section: Section) -> str:
    parts = [f"## {section.title}", _text(section.lead)]
    parts += [_table(table) for table in section.tables if table.brief]
    parts += [_block(lines) for lines in (section.text, section.in_letters) if lines]
    return "\n\n".join(part for part in parts if part)


def _block(lines: tuple[str, ...]) -> str:
    return "\n".join(f"    {line}" for line in lines)


def _table(table: Table) -> str:
    if not table.rows:
        return _text(table.empty)
    lines = [[_text(cell) for cell in row] for row in (table.head, *table.rows)]
    widths = [max(3, *(_width(line[i]) for line in lines)) for i in range(len(table.head))]
    rule = [
        "-" * (width - 1) + ":" if i in table.right else "-" * width
        for i, width in enumerate(widths)
    ]
    return "\n".join(_line(line, widths, table.right) for line in (lines[0], rule, *lines[1:]))


def _width(cell: str) -> int:
    """Long prose stands out of its column and does not widen it for all other rows."""
    return len(cell) if len(cell) <= _PROSE else 0


def _line(cells: list[str], widths: list[int], right: frozenset[int]) -> str:
    """The cells below each other, but for what would only fill the line's end."""
    last = len(cells) - 1
    padded = [
        cell.rjust(width) if i in right else cell if i == last else cell.ljust(width)
        for i, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return f"| {' | '.join(padded)} |"


def _text(text: str) -> str:
    """Text that a Markdown reader cannot take for a cell's end, a tag, code or a link."""
    return _SPECIAL.sub(r"\\\1", plain(text))
