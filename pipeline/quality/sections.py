"""The report's JSON as titled sections of tables of text: what both renderings show, in one order.

Belongs here: which figure stands where, and how a number is written. Does not belong here: any markup,
and any figure that is not in the JSON.
"""

from __future__ import annotations

import re
from functools import partial

from pipeline.quality import calibration_sections, tape_sections
from pipeline.quality.catalogue import ACTIONS, DEFECTS
from pipeline.quality.wording import (
    Column,
    Report,
    Section,
    Table,
    figure,
    limit,
    number,
    plain,
    price,
    share,
    table,
    text,
    time,
    words,
)

_GAPS_SHOWN = 40
_TOLD = {False: "fails", None: "not measured", True: "holds"}
"""What a check says, in the order in which people look for it."""

MEANING = {
    "available": "published whole",
    "degraded": "published, with the reasons below",
    "missing": "not published: no row of this day is in the snapshot",
}
CODE = re.compile(r"\b[A-D][0-9]{2}\b")


def sections(report: Report) -> tuple[Section, ...]:
    """All sections: what is wrong, then the evidence, then the words of every code that stands in them."""
    shown = (
        _reasons(report),
        _checks(report),
        calibration_sections.offset(report),
        calibration_sections.basis(report),
        calibration_sections.flow(report),
        tape_sections.tapes(report),
        _coverage(report),
        _defects(report),
        _worst(report),
        _columns(report),
        _files(report),
    )
    return tuple(section for section in (*shown, _codes(shown)) if section.tables or section.plots)


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
        ("Offset", f"{offset} ({words(figures['status'])})", exact),
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
                Column(head="what", said=partial(_in_words, report["checks"])),
                empty="Nothing to report: every check that could be measured holds.",
            ),
        ),
        folded=False,
    )


def _in_words(checks: list[Report], reason: Report) -> str:
    """A reason's note with each check and its limit as the table of checks has them, and without keys."""
    note = str(reason["note"])
    for check in checks:
        if check["passed"] is False:
            raw = f"{check['name']} {check['measured']:.6g} {check['unit']}, wanted"
            raw += f" {check['relation']} {check['limit']:.6g} ({check['key']})"
            measured = number(check["measured"], check["unit"])
            note = note.replace(raw, f"{words(check['name'])} {measured}, wanted {limit(check)}")
    return plain(re.sub(r" \(refusals\.[a-z_]+\)", "", note))


def _checks(report: Report) -> Section:
    order = list(_TOLD)
    checks = sorted(report["checks"], key=lambda check: order.index(check["passed"]))
    told = [_TOLD[check["passed"]] for check in checks]
    counts = ", ".join(f"{told.count(w)} {w.rstrip('s')}" for w in _TOLD.values() if w in told)
    return Section(
        name="checks",
        title="Checks",
        fact=counts,
        lead=f"Limits and consequences stand in {plain(report['control_file'])}, checks.",
        tables=(
            table(
                checks,
                Column(head="", said=lambda check: _TOLD[check["passed"]]),
                Column(head="check", said=lambda check: words(check["name"])),
                Column(
                    head="measured", said=lambda c: number(c["measured"], c["unit"]), right=True
                ),
                Column(head="wanted", said=limit),
                Column(head="consequence", said=_consequence),
                Column(head="in words", said=_with_waiver),
                marks=tuple("" if word == "holds" else word.split()[0] for word in told),
            ),
        ),
    )


def _consequence(check: Report) -> str:
    """Its code and consequence, where it fails."""
    if check["passed"] is not False:
        return ""
    waived = " (waived)" if "waived_by" in check else ""
    return f"{check['code']}: {plain(check['consequence'])}{waived}"


def _with_waiver(check: Report) -> str:
    return "; ".join(plain(check[key]) for key in ("note", "waived_by") if key in check)


def _coverage(report: Report) -> Section:
    strips, gaps = report["heat"], report["gaps"]
    counts = [
        Column(head=f"{letter} {said}", said=partial(_counted, letter), right=True)
        for letter, said in report["states"].items()
        if any(strip["counts"][letter] for strip in strips)
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
        fact=f"{len(gaps)} gaps" if gaps else "no gap",
        lead=f"One line an hour, one mark a minute.{more}",
        tables=(table(strips, text("feed"), *counts), listed),
        plots=tuple(f"heat:{strip['feed']}" for strip in strips),
        in_letters=_heat_text(report),
    )


def _counted(letter: str, strip: Report) -> str:
    return number(strip["counts"][letter])


def _heat_text(report: Report) -> tuple[str, ...]:
    """The hours in which a minute is missing, in an outage or set aside."""
    strips = report["heat"]
    hours = [h for h in range(24) if any(set(strip["rows"][h]) & set("Xoq") for strip in strips)]
    if not hours:
        return ()
    head = "hour  " + "  ".join(strip["feed"].ljust(60) for strip in strips).rstrip()
    return (head, *(f"{h:02d}    " + "  ".join(s["rows"][h] for s in strips) for h in hours))


def _defects(report: Report) -> Section:
    return Section(
        name="defects",
        title="Defects",
        fact=str(len(report["defects"]) or "none"),
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
        fact="" if entries else "none differs",
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
    shares: dict[float, list[str]] = {}
    for column in report["columns"]:
        shares.setdefault(column.get("null_share", 0.0), []).append(column["column"])
    nulls = [(share(rate), ", ".join(names)) for rate, names in sorted(shares.items()) if rate]
    constant = ", ".join(
        f"{column['column']} {plain(column['constant'])}"
        for column in report["columns"]
        if "constant" in column
    )
    return Section(
        name="columns",
        title="Nulls and constants",
        lead="Null means not measured. A constant column is one that never changes on this day.",
        tables=(
            Table(
                head=("", "columns"),
                rows=(
                    *((f"null in {rate}", names) for rate, names in nulls),
                    *((("constant", constant),) if constant else ()),
                ),
                empty="No column has a null, none is constant.",
            ),
        ),
    )


def _files(report: Report) -> Section:
    entries = [
        {**lines, **read}
        for lines, read in zip(report["conservation"], report["inputs"], strict=True)
    ]
    return Section(
        name="files",
        title="Raw files",
        fact=str(sum(entry["files"] for entry in entries)),
        lead="Every raw line: read = used + merged + rejected. Files that differ by one folder, and of which"
        " all lines are used, stand together. Digests are in the manifest.",
        tables=(
            table(
                entries,
                *(text("source"), text("path", "file"), figure("files"), figure("bytes")),
                *(figure(fate) for fate in ("read", "used", "merged", "rejected")),
                Column(
                    head="", said=lambda row: "adds up" if row["balanced"] else "DOES NOT ADD UP"
                ),
            ),
            table(
                entries,
                *(text("path", "file"), text("adapter", "read as")),
                Column(head="inferred", said=lambda row: "; ".join(map(plain, row["notes"]))),
                brief=False,
            ),
        ),
    )


def _codes(shown: tuple[Section, ...]) -> Section:
    """The words of every code that the sections name."""
    cells = (cell for s in shown for t in s.tables for row in t.rows for cell in row)
    named = sorted({code for cell in cells for code in CODE.findall(cell) if code in DEFECTS})
    rows = tuple((code, DEFECTS[code].what, ACTIONS[DEFECTS[code].action]) for code in named)
    return Section(
        name="codes",
        title="Codes",
        tables=(Table(head=("code", "defect", "what is done"), rows=rows),) if rows else (),
        folded=False,
    )
