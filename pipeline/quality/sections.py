"""The report's JSON as titled sections of tables of text: what both renderings show, in one order.

Belongs here: which figure stands where, and how a number is written. Does not belong here: any markup,
and any figure that is not in the JSON.
"""

from __future__ import annotations

from pipeline.quality import calibration_sections
from pipeline.quality.wording import (
    Report,
    Section,
    Table,
    clock_time,
    number,
    plain,
    price,
    share,
)

_GAPS_SHOWN = 40
MEANING = {
    "available": "published whole",
    "degraded": "published, with the reasons below",
    "missing": "not published: no row of this day is in the snapshot",
}


def sections(report: Report) -> tuple[Section, ...]:
    """All sections, the verdict's reasons first."""
    return (
        _reasons(report),
        _thresholds(report),
        calibration_sections.offset(report),
        calibration_sections.basis(report),
        calibration_sections.flow(report),
        _coverage(report),
        _defects(report),
        _worst(report),
        _columns(report),
        _lines(report),
        _inputs(report),
    )


def headline(report: Report) -> list[tuple[str, str, str]]:
    """The three figures that matter: (what, value, remark)."""
    figures = report["header"]["figures"]
    coverage = f"{share(figures['binance_coverage'])} / {share(figures['atas_coverage'])}"
    offset = number(figures["offset_minutes"], "min")
    exact = f"{share(figures['exact_share'])} of minutes equal in all four prices"
    third = (
        "Basis, median",
        number(_brief(figures["basis_bps_median"]), "bps"),
        "ATAS against Binance",
    )
    if figures["skew_ms"] is not None:
        third = ("Clock skew", number(figures["skew_ms"], "ms"), "ATAS against Binance")
    return [
        ("Coverage, Binance / ATAS", coverage, "of expected minutes / of traded minutes"),
        ("Offset", f"{offset} ({plain(figures['status'])})", exact),
        third,
    ]


def _brief(value: float | None) -> float | None:
    return None if value is None else round(value, 2)


def _reasons(report: Report) -> Section:
    rows = [("reason", entry) for entry in report["verdict"]["reasons"]]
    rows += [("note", entry) for entry in report["verdict"]["notes"]]
    return Section(
        name="reasons",
        title="Reasons",
        lead="Times are UTC, the open of a minute. A note lowers nothing.",
        tables=(
            Table(
                head=("", "code", "count", "first", "last", "what"),
                rows=tuple(
                    (
                        kind,
                        plain(entry["code"]),
                        number(entry["count"]),
                        clock_time(entry["first"]),
                        clock_time(entry["last"]),
                        plain(entry["note"]),
                    )
                    for kind, entry in rows
                ),
                right=frozenset({2}),
                empty="Nothing to report: every check that could be measured holds.",
            ),
        ),
    )


def _thresholds(report: Report) -> Section:
    words = {True: "holds", False: "fails", None: "not measured"}
    rows = tuple(
        (
            words[check["passed"]],
            plain(check["key"]),
            number(check["measured"], check["unit"]),
            f"{check['relation']} {number(check['limit'], check['unit'])}",
            plain(check["code"]),
            plain(check["consequence"]) + (" (waived)" if check["waived_by"] else ""),
            plain(check["note"]) + (f"; {plain(check['waived_by'])}" * bool(check["waived_by"])),
        )
        for check in report["checks"]
    )
    return Section(
        name="checks",
        title="Checks",
        lead=f"Limits and consequences stand in {plain(report['control_file'])} under the key named.",
        tables=(
            Table(
                head=("", "key", "measured", "wanted", "code", "on failure", "in words"),
                rows=rows,
                right=frozenset({2}),
                marks=tuple(words[check["passed"]].split()[0] for check in report["checks"]),
            ),
        ),
    )


def _coverage(report: Report) -> Section:
    letters = report["states"]
    counts = Table(
        head=("feed", *(f"{letter} {words}" for letter, words in letters.items())),
        rows=tuple(
            (strip["feed"], *(number(strip["counts"][letter]) for letter in letters))
            for strip in report["heat"]
        ),
        right=frozenset(range(1, len(letters) + 1)),
    )
    gaps = report["gaps"]
    longest = sorted(gaps, key=lambda gap: -gap["minutes"])[:_GAPS_SHOWN]
    more = f" The {_GAPS_SHOWN} longest of {len(gaps)} gaps." if len(gaps) > _GAPS_SHOWN else ""
    listed = Table(
        head=("gap in", "first", "last", "minutes", "kind"),
        rows=tuple(
            (
                gap["feed"],
                clock_time(gap["first"]),
                clock_time(gap["last"]),
                number(gap["minutes"]),
                gap["kind"],
            )
            for gap in gaps
            if gap in longest
        ),
        right=frozenset({3}),
        empty="No gap.",
    )
    return Section(
        name="coverage",
        title="Coverage by minute",
        lead=f"One line an hour, one mark a minute.{more}",
        tables=(counts, listed),
        plots=tuple(f"heat:{strip['feed']}" for strip in report["heat"]),
        text=_heat_text(report),
    )


def _heat_text(report: Report) -> tuple[str, ...]:
    lines = ["hour  " + "  ".join(strip["feed"].ljust(60) for strip in report["heat"]).rstrip()]
    for hour in range(24):
        rows = [strip["rows"][hour] for strip in report["heat"]]
        lines.append(f"{hour:02d}    " + "  ".join(rows))
    return tuple(lines)


def _defects(report: Report) -> Section:
    rows = []
    for entry in report["defects"]:
        quoted = "; ".join(f"{plain(e['at'])}: {plain(e['raw'])}" for e in entry["examples"])
        rows.append(
            (
                plain(entry["code"]),
                number(entry["count"]),
                plain(entry["where"]),
                clock_time(entry["first"]),
                clock_time(entry["last"]),
                plain(entry["what"]),
                quoted,
            )
        )
    return Section(
        name="defects",
        title="Defects",
        lead="Row flags of the published minutes, and raw lines set aside.",
        tables=(
            Table(
                head=("code", "count", "where", "first", "last", "what", "examples"),
                rows=tuple(rows),
                right=frozenset({1}),
                empty="No defect was seen.",
            ),
        ),
    )


def _worst(report: Report) -> Section:
    names = ("open", "high", "low", "close", "volume")
    rows = tuple(
        (
            clock_time(entry["minute_open"]),
            number(entry["distance_bps"]),
            feed,
            *(price(entry[feed][name]) for name in names),
            ", ".join(entry["flags"]),
        )
        for entry in report["worst_minutes"]
        for feed in ("binance", "atas")
    )
    return Section(
        name="worst",
        title="Ten worst minutes",
        lead="The largest distance of the four prices, in bps, less the day's median basis.",
        tables=(
            Table(
                head=("minute", "distance", "feed", *names, "flags"),
                rows=rows,
                right=frozenset({1, 3, 4, 5, 6, 7}),
                empty="No minute of the two feeds differs.",
            ),
        ),
    )


def _columns(report: Report) -> Section:
    return Section(
        name="columns",
        title="Nulls and constants",
        lead="Null means not measured. A constant column is one that never changes on this day.",
        tables=(
            Table(
                head=("column", "null rate", "constant value"),
                rows=tuple(
                    (
                        plain(column["column"]),
                        share(column["null_share"]),
                        "" if column["constant"] is None else plain(column["constant"]),
                    )
                    for column in report["columns"]
                ),
                right=frozenset({1}),
            ),
        ),
    )


def _lines(report: Report) -> Section:
    fates = ("read", "used", "merged", "rejected")
    return Section(
        name="lines",
        title="Lines",
        lead="Every raw line: read = used + merged + rejected.",
        tables=(
            Table(
                head=("source", "file", *fates, ""),
                rows=tuple(
                    (
                        plain(row["source"]),
                        plain(row["path"]),
                        *(number(row[fate]) for fate in fates),
                        "adds up" if row["balanced"] else "DOES NOT ADD UP",
                    )
                    for row in report["conservation"]
                ),
                right=frozenset(range(2, 6)),
            ),
        ),
    )


def _inputs(report: Report) -> Section:
    return Section(
        name="inputs",
        title="Inputs",
        lead="Raw files as they were read, and what was inferred from them.",
        tables=(
            Table(
                head=("source", "file", "bytes", "read as", "sha256", "inferred"),
                rows=tuple(
                    (
                        plain(row["source"]),
                        plain(row["path"]),
                        number(row["bytes"]),
                        plain(row["adapter"]),
                        plain(row["sha256"]),
                        "; ".join(plain(note) for note in row["notes"]),
                    )
                    for row in report["inputs"]
                ),
                right=frozenset({2}),
            ),
        ),
    )
