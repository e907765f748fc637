"""Pages that are lists: symbols, codes, checks, features; and a page of each code and check."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from pipeline.contracts import control, features_schema
from pipeline.contracts.features_schema import Table
from pipeline.features import registry
from pipeline.pages import addresses, frame
from pipeline.pages.addresses import Leads
from pipeline.pages.known import Known
from pipeline.pages.trends import trends
from pipeline.quality.catalogue import ACTIONS, DEFECTS

SEARCH = ("search.js",)
MOST_DAYS = 500
"""So many symbol-days are listed on a page; their count is whole."""

TREND_DAYS = 366
"""A check is drawn over so many published days at most."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a list: where it leads, and its cells, the first of which is the link."""

    href: str
    cells: tuple[str, ...]


def symbols(known: Known, leads: Leads) -> str:
    """All symbols: since when, how many days, and what of them is not available."""
    lines = []
    for name, days in known.symbols.items():
        states = Counter(known.days[day].symbols[name].condition for day in days)
        others = ", ".join(
            f"{n} {state}" for state, n in sorted(states.items()) if state != "available"
        )
        lines.append(
            Line(
                leads.to(addresses.symbol(name)),
                (name, f"{days[0]}", f"{days[-1]}", f"{len(days)}", others),
            )
        )
    head = ("symbol", "from", "to", "days", "not available")
    return _listed(leads, "Symbols", head, lines)


def codes(known: Known, leads: Leads) -> str:
    """The catalogue of defects, with how many symbol-days each is a reason of."""
    counts = Counter(code for _, _, entry in known.symbol_days() for code in entry.codes)
    lines = [
        Line(
            leads.to(addresses.code(code)),
            (code, it.what, ACTIONS[it.action], str(counts[code] or "")),
        )
        for code, it in DEFECTS.items()
    ]
    return _listed(leads, "Codes", ("code", "what it is", "what is done", "days"), lines)


def code(known: Known, leads: Leads, name: str) -> str | None:
    """A defect's words and the days that it is a reason of; None where the catalogue has no such code."""
    if name not in DEFECTS:
        return None
    return frame.page(
        "code.html",
        leads,
        scripts=SEARCH,
        defect=DEFECTS[name],
        done=ACTIONS[DEFECTS[name].action],
        checks=[
            it.name for it in control.load(known.kitchen.governance).thresholds if it.code == name
        ],
        days=(found := known.with_code(name))[:MOST_DAYS],
        total=len(found),
    )


def checks(known: Known, leads: Leads) -> str:
    """CONTROL's checks in force, with how many symbol-days fail each."""
    counts = Counter(code for _, _, entry in known.symbol_days() for code in entry.codes)
    lines = [
        Line(
            leads.to(addresses.check(it.name)),
            (it.name, it.code, _limit(it), it.why, str(counts[it.code] or "")),
        )
        for it in control.load(known.kitchen.governance).thresholds
    ]
    return _listed(leads, "Checks", ("check", "code", "wanted", "why", "days with the code"), lines)


def check(known: Known, leads: Leads, name: str) -> str | None:
    """A check by day and symbol, and the days that failed; None where CONTROL has no such check."""
    found = {it.name: it for it in control.load(known.kitchen.governance).thresholds}
    if name not in found:
        return None
    it = found[name]
    return frame.page(
        "check.html",
        leads,
        scripts=SEARCH,
        check=it,
        limit=_limit(it),
        drawings=trends(known, list(known.days)[-TREND_DAYS:], name, it.unit),
        days=(failed := known.with_code(it.code))[:MOST_DAYS],
        total=len(failed),
    )


def features(known: Known, leads: Leads) -> str:
    """Every published feature."""
    governed = features_schema.load(known.kitchen.governance)
    tables: tuple[Table, ...] = ("micro", "macro")
    lines = [
        Line(
            leads.to(addresses.feature(step.name)),
            (step.name, of, step.family, step.unit, step.formula.partition("\n")[0]),
        )
        for of in tables
        for step in registry.steps(governed, of)
    ]
    return _listed(leads, "Features", ("feature", "table", "family", "unit", "what it is"), lines)


def _listed(leads: Leads, title: str, head: tuple[str, ...], lines: list[Line]) -> str:
    return frame.page("list.html", leads, scripts=SEARCH, title=title, head=head, lines=lines)


def _limit(it: control.Threshold) -> str:
    edges = [("at least", it.at_least), ("at most", it.at_most)]
    return ", ".join(
        f"{word} {value:g} {it.unit}".strip() for word, value in edges if value is not None
    )
