"""The report's JSON as titled sections of tables of text: what both renderings show, in one order.

Belongs here: which figure stands where, and how a number is written. Does not belong here: any markup,
and any figure that is not in the JSON.
"""

from __future__ import annotations

from functools import partial

from pipeline.quality import calibration_sections, tape_sections
from pipeline.quality.wording import (
    Column,
    Report,
    Section,
    figure,
    limit,
    number,
    plain,
    price,
    share,
    table,
    text,
    time,
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
        tape_sections.tapes(report),
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
    kinds = (("reason", "reasons"), ("note", "notes"))
    entries = [{"kind": kind, **e} for kind, key in kinds for e in report["verdict"][key]]
    return Section(
        name="reasons",
        title="Reasons",
        lead="Times are UTC, the open of a minute. A note lowers nothing.",
        tables=(
            table(
                entries,
                *(text("kind", ""), text("code"), figure("count"), time("first"), time("last")),
                text("note", "what"),
                empty="Nothing to report: every check that could be measured holds.",
            ),
        ),
    )


def _thresholds(report: Report) -> Section:
    words = {True: "holds", False: "fails", None: "not measured"}
    return Section(
        name="checks",
        title="Checks",
        lead=f"Limits and consequences stand in {plain(report['control_file'])} under the key named.",
        tables=(
            table(
                report["checks"],
                Column(head="", said=lambda check: words[check["passed"]]),
                text("key"),
                Column(
                    head="measured", said=lambda c: number(c["measured"], c["unit"]), right=True
                ),
                Column(head="wanted", said=limit),
                text("code"),
                Column(head="on failure", said=_on_failure),
                Column(head="in words", said=_in_words),
                marks=tuple(words[check["passed"]].split()[0] for check in report["checks"]),
            ),
        ),
    )


def _on_failure(check: Report) -> str:
    return plain(check["consequence"]) + (" (waived)" if check["waived_by"] else "")


def _in_words(check: Report) -> str:
    return plain(check["note"]) + (f"; {plain(check['waived_by'])}" if check["waived_by"] else "")


def _coverage(report: Report) -> Section:
    letters, gaps = report["states"], report["gaps"]
    counts = [
        Column(head=f"{letter} {words}", said=partial(_counted, letter), right=True)
        for letter, words in letters.items()
    ]
    longest = sorted(gaps, key=lambda gap: -gap["minutes"])[:_GAPS_SHOWN]
    more = f" The {_GAPS_SHOWN} longest of {len(gaps)} gaps." if len(gaps) > _GAPS_SHOWN else ""
    listed = table(
        [gap for gap in gaps if gap in longest],
        *(text("feed", "gap in"), time("first"), time("last"), figure("minutes"), text("kind")),
        empty="No gap.",
    )
    return Section(
        name="coverage",
        title="Coverage by minute",
        lead=f"One line an hour, one mark a minute.{more}",
        tables=(table(report["heat"], text("feed"), *counts), listed),
        plots=tuple(f"heat:{strip['feed']}" for strip in report["heat"]),
        text=_heat_text(report),
    )


def _counted(letter: str, strip: Report) -> str:
    return number(strip["counts"][letter])


def _heat_text(report: Report) -> tuple[str, ...]:
    lines = ["hour  " + "  ".join(strip["feed"].ljust(60) for strip in report["heat"]).rstrip()]
    for hour in range(24):
        rows = [strip["rows"][hour] for strip in report["heat"]]
        lines.append(f"{hour:02d}    " + "  ".join(rows))
    return tuple(lines)


def _defects(report: Report) -> Section:
    return Section(
        name="defects",
        title="Defects",
        lead="Row flags of the published minutes, and raw lines set aside.",
        tables=(
            table(
                report["defects"],
                *(text("code"), figure("count"), text("where"), time("first"), time("last")),
                text("what"),
                Column(head="examples", said=_quoted),
                empty="No defect was seen.",
            ),
        ),
    )


def _quoted(defect: Report) -> str:
    return "; ".join(f"{plain(e['at'])}: {plain(e['raw'])}" for e in defect["examples"])


def _worst(report: Report) -> Section:
    entries = [
        {**entry, **entry[feed], "feed": feed}
        for entry in report["worst_minutes"]
        for feed in ("binance", "atas")
    ]
    return Section(
        name="worst",
        title="Ten worst minutes",
        lead="The largest distance of the four prices, in bps, less the day's median basis.",
        tables=(
            table(
                entries,
                *(time("minute_open", "minute"), figure("distance_bps", "distance"), text("feed")),
                *(figure(name, write=price) for name in ("open", "high", "low", "close", "volume")),
                Column(head="flags", said=lambda entry: ", ".join(entry["flags"])),
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
            table(
                report["columns"],
                text("column"),
                figure("null_share", "null rate", share),
                Column(
                    head="constant value",
                    said=lambda c: "" if c["constant"] is None else plain(c["constant"]),
                ),
            ),
        ),
    )


def _lines(report: Report) -> Section:
    return Section(
        name="lines",
        title="Lines",
        lead="Every raw line: read = used + merged + rejected.",
        tables=(
            table(
                report["conservation"],
                *(text("source"), text("path", "file")),
                *(figure(fate) for fate in ("read", "used", "merged", "rejected")),
                Column(
                    head="", said=lambda row: "adds up" if row["balanced"] else "DOES NOT ADD UP"
                ),
            ),
        ),
    )


def _inputs(report: Report) -> Section:
    return Section(
        name="inputs",
        title="Inputs",
        lead="Raw files as they were read, and what was inferred from them.",
        tables=(
            table(
                report["inputs"],
                *(text("source"), text("path", "file"), figure("bytes")),
                *(text("adapter", "read as"), text("sha256")),
                Column(head="inferred", said=lambda row: "; ".join(map(plain, row["notes"]))),
            ),
        ),
    )
