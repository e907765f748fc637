"""The report's section on tapes: each held against the klines, and each two against each other.

Belongs here: which figure of `tape.json` stands where.
"""

from __future__ import annotations

from pipeline.quality.wording import (
    Column,
    Report,
    Section,
    figure,
    plain,
    price,
    table,
    text,
    time,
)


def tapes(report: Report) -> Section:
    """What is proven of each tape, its faults, and klines that are contradicted."""
    found = report.get("tapes") or {}
    used = found.get("sources", {})
    each = [{"tape": n, "used": used[n], **t} for n, t in found.get("tapes", {}).items()]
    pairs = found.get("pairs", {})
    differ = [{"pair": pair, "differing": apart} for pair, apart in pairs.items() if apart]
    return Section(
        name="tapes",
        title="Tapes",
        fact=f"{found['proven']} of {found['minutes']} minutes proven" if found else "none",
        lead=_lead(found),
        tables=(
            table(
                each,
                text("tape"),
                *(figure(name) for name in ("used", "covered", "proven", "lost", "mended")),
                Column(head="minutes that differ", said=_apart),
                empty="No tape of this instrument.",
            ),
            table(
                differ,
                text("pair", "two tapes"),
                Column(head="minutes that differ", said=_apart),
                empty="No two tapes differ." if pairs else "There are no two tapes.",
            ),
            table(
                found.get("faults", ()),
                *(text("code"), text("source", "tape"), figure("count"), figure("minutes")),
                *(figure("mended"), time("first"), time("last"), text("what")),
                empty="No fault of the exchange's trades was seen.",
            ),
            table(
                found.get("contradicted", ()),
                *(time("minute"), text("column"), figure("kline", write=price)),
                figure("tapes", write=price),
                Column(head="by", said=lambda entry: plain(", ".join(entry["by"]))),
                empty="No kline is contradicted by two tapes.",
            ),
        ),
    )


def _lead(found: Report) -> str:
    if not found:
        return "There is no tape of the day."
    return (
        f"{found['proven']} of {found['minutes']} minutes with a tape are proven: it and the kline agree in"
        " every column that both have."
    )


def _apart(entry: Report) -> str:
    """Minutes by column, as archived."""
    return ", ".join(f"{column} {count}" for column, count in entry["differing"].items()) or "none"
