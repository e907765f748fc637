"""The condition of a symbol's day, with its reasons.

Belongs here: what follows from check results and from the calibration's findings. Measuring is
`checks.py`; showing is `report.py`.

Consequences: `note` leaves the day available and is listed apart; `degrade` and `set_aside_atas` make
it degraded; `refuse`, and a day without a row of the exchange of record, make it missing.
"""

from __future__ import annotations

from collections import Counter

from pipeline.clock import MINUTES_PER_DAY
from pipeline.contracts import calibration
from pipeline.contracts.control import CONSEQUENCES
from pipeline.contracts.value import changed
from pipeline.contracts.verdict import CheckResult, Condition, Finding, Reason, Verdict
from pipeline.model.feeds import ATAS_FEEDS, FEEDS, TRADE_FEEDS
from pipeline.quality import two_klines
from pipeline.quality.checks import faulty_rows, in_force, run_checks
from pipeline.quality.facts import RECORD, DayFacts, edges, mask_of
from pipeline.quality.tapes import faults, in_words

NO_RECORD = "B06"
"""Code of a day for which the exchange of record has no row at all."""

_SAID_BY_NO_RECORD = ("binance_coverage", "binance_continuity")


_CONDITIONS: tuple[Condition, ...] = ("available", "degraded", "degraded", "missing")
"""What each of CONTROL's consequences makes of a day."""


def verdict(facts: DayFacts) -> Verdict:
    """The verdict of a symbol's day."""
    checks = run_checks(facts)
    no_record = not any(facts.bars["src_binance"].to_pylist())
    failed = [check for check in checks if check.passed is False]
    findings = [f for check in failed for f in _from_check(check, facts)]
    if no_record:
        findings = [f for f in findings if f.by not in _SAID_BY_NO_RECORD]
        findings.insert(0, _no_record(facts))
    findings += [_from_calibration(r, facts) for r in facts.calibration.reasons]
    worst = max((_gravity(f) for f in findings), default=0)
    findings += _useless_files(facts, {f.by for f in findings if f.lowers})
    findings += _refused_beside(facts) + _tape_faults(facts) + _other_klines(facts)
    return Verdict(
        symbol=facts.day.symbol,
        date=facts.day.date.isoformat(),
        condition=_CONDITIONS[worst],
        reasons=_by_code([f for f in findings if f.lowers]),
        notes=_by_code([f for f in findings if not f.lowers]),
        checks=checks,
    )


def _gravity(finding: Finding) -> int:
    return CONSEQUENCES.index(finding.consequence)


def _no_record(facts: DayFacts) -> Finding:
    first, last = edges(facts.day.date, mask_of(range(MINUTES_PER_DAY)))
    return Finding(
        by="binance_rows",
        code=NO_RECORD,
        consequence="refuse",
        count=MINUTES_PER_DAY,
        first=first,
        last=last,
        note="the exchange of record has no row for this day, so nothing of it is published",
    )


def _from_check(check: CheckResult, facts: DayFacts) -> list[Finding]:
    """A failed check as a finding; of rows set aside, one finding for each code that they carry."""
    value = f"{check.name} {check.measured:.6g} {check.unit}, wanted {check.relation}"
    finding = Finding(
        by=check.name,
        code=check.code,
        consequence=check.consequence,
        count=check.count,
        first=check.first,
        last=check.last,
        note=f"{value} {check.limit:.6g} ({check.key}): {check.note}"
        + _lowered(check.consequence, check.waived_by),
    )
    if check.name == "atas_rejected_share":
        first = _first_line(facts, [feed for feed in facts.rejects if feed in ATAS_FEEDS])
        return [changed(finding, note=f"{finding.note}{first}")]
    if check.name != "binance_rejected_rows":
        return [finding]
    by_code = []
    for code, count in faulty_rows(facts).items():
        consequence, waived_by = in_force(facts, code, check.stated)
        note = f"{value} {check.limit:.6g} ({check.key}): {code} x {count}"
        note += _first_line(facts, [RECORD], code)
        note += _lowered(consequence, waived_by)
        by_code.append(changed(finding, code=code, count=count, consequence=consequence, note=note))
    return by_code


def _first_line(facts: DayFacts, feeds: list[str], code: str | None = None) -> str:
    """The first line set aside (of a code, if given) with its own reason, and the command for the rest."""
    for feed in sorted(feeds):
        rows = facts.rejects[feed].select(["file", "line", "code", "reason"]).to_pylist()
        for row in rows:
            if row["line"] and code in (None, row["code"]):
                shown = f"kitchen explain {facts.day.date} {facts.day.symbol}"
                return f"; first {row['file']}:{row['line']}: {row['reason']} (all: {shown})"
    return ""


def _lowered(consequence: str, waived_by: str | None) -> str:
    return f" (lowered to {consequence} by {waived_by})" if waived_by else ""


def _from_calibration(reason: calibration.Reason, facts: DayFacts) -> Finding:
    """A finding of the calibration, with the consequence that CONTROL gives its key.

    A key that CONTROL does not list sets ATAS aside when the calibration did, and is a note else.
    """
    unlisted = "set_aside_atas" if facts.set_aside else "note"
    stated = facts.control.refusals.get(reason.key, {}).get("consequence", unlisted)
    consequence, waived_by = in_force(facts, reason.code, stated)
    return Finding(
        by="calibration",
        code=reason.code,
        consequence=consequence,
        count=1,
        note=f"{reason.note} (refusals.{reason.key}){_lowered(consequence, waived_by)}",
    )


def _useless_files(facts: DayFacts, lowered_by: set[str]) -> list[Finding]:
    """Files of which nothing could be used, as a whole or line by line: the cause of a day that is
    lowered for want of that vendor's rows, else a note.
    """
    findings = []
    for source, table in sorted(facts.rejects.items()):
        blamed = any(by.startswith(_causes(source)) for by in lowered_by)
        useless = {
            entry.path
            for entry in facts.ledgers.get(source, ())
            if entry.lines.rejected == entry.lines.read > 0
        }
        firsts = table.group_by("file", use_threads=False).aggregate(
            [("line", "first"), ("code", "first"), ("reason", "first")]
        )
        rows = [r for r in firsts.to_pylist() if r["line_first"] == 0 or r["file"] in useless]
        for code, count in sorted(Counter(row["code_first"] for row in rows).items()):
            first = next(row for row in rows if row["code_first"] == code)
            where = f"line {first['line_first']}: " if first["line_first"] else ""
            findings.append(
                Finding(
                    by=source,
                    code=code,
                    consequence="degrade" if blamed else "note",
                    count=count,
                    note=f"{count} whole file{'s' * (count > 1)} of {source} set aside:"
                    f" {where}{first['reason_first']}",
                )
            )
    return findings


def _causes(source: str) -> tuple[str, ...]:
    """How the names of what may lower a day begin, for want of a feed's rows."""
    if source in TRADE_FEEDS:
        return ("tape",)
    vendor = FEEDS[source].vendor
    return (vendor, "calibration") if vendor == "atas" else (vendor,)


def _tape_faults(facts: DayFacts) -> list[Finding]:
    """What is wrong with the exchange's trades: notes, for what follows from it the checks of tapes say."""
    return [
        Finding(
            by="tape",
            code=fault.code,
            consequence="note",
            count=fault.count,
            first=fault.first,
            last=fault.last,
            note=f"{fault.source}: {in_words(fault)}",
        )
        for fault in faults(facts)
    ]


def _other_klines(facts: DayFacts) -> list[Finding]:
    """Files of klines that seem to be of another instrument: notes, for the more trusted file counts."""
    return [
        Finding(
            by=RECORD,
            code=two_klines.CODE,
            consequence="note",
            count=found.minutes,
            note=found.words,
        )
        for found in two_klines.disagreements(facts)
    ]


def _refused_beside(facts: DayFacts) -> list[Finding]:
    """Feeds that were refused while the day follows another one: notes."""
    return [
        Finding(
            by=feed,
            code=reason.code,
            consequence="note",
            count=1,
            note=f"{feed} set aside: {reason.note} (refusals.{reason.key})",
        )
        for feed, entry in sorted(facts.calibration.feeds.items())
        if entry.status == "refused" and facts.calibration.feed is not None
        for reason in entry.reasons
    ]


def _by_code(findings: list[Finding]) -> tuple[Reason, ...]:
    """One entry a code, gravest first, else in the order found; notes of one code are joined."""
    merged: dict[str, Reason] = {}
    for finding in sorted(findings, key=_gravity, reverse=True):
        entry = merged.setdefault(finding.code, _reason(finding))
        if finding.note not in entry.note:
            merged[finding.code] = changed(entry, note=f"{entry.note}; {finding.note}")
    return tuple(merged.values())


def _reason(finding: Finding) -> Reason:
    """The finding without what found it and what followed."""
    return Reason(**{name: getattr(finding, name) for name in Reason.__struct_fields__})
