"""`kitchen calibration show|approve`: what vendors' clocks were found to be, and approving them."""

from __future__ import annotations

from typing import Any

import click

from pipeline import asked
from pipeline.cli import output
from pipeline.contracts import profiles
from pipeline.contracts.calibration import DayFinding, to_json
from pipeline.model.feeds import ATAS_FEEDS
from pipeline.runs.approve import Approval, approve, finding
from pipeline.settings.config import load_kitchen


@click.group("calibration")
def command() -> None:
    """What vendors' clocks were found to be, and approved profiles. All commands take --json.

    \b
    Example:
      kitchen calibration show 2025-01-02 BTCUSDT
    """  # noqa: D301 - \b is click's mark for a paragraph that keeps its lines


@command.command("show")
@click.argument("date", required=False)
@click.argument("symbol", required=False)
@output.json_option
def show(date: str | None, symbol: str | None, as_json: bool) -> None:
    """The finding of a day and symbol; without them, the approved profiles.

    \b
    Example:
      kitchen calibration show 2025-01-02 BTCUSDT
    """  # noqa: D301
    kitchen = load_kitchen()
    if date is None or symbol is None:
        known = [_profile(p) for p in profiles.load(kitchen.governance)]
        lines = [_line(entry) for entry in known] or ["no profile is approved"]
        output.say({"profiles": known}, lines, as_json=as_json)
        return
    found = finding(kitchen, symbol, _day(date))
    output.say(to_json(found), _lines(found), as_json=as_json)


@command.command("approve")
@click.argument("date")
@click.argument("symbol")
@click.option("--feed", type=click.Choice(ATAS_FEEDS), default=ATAS_FEEDS[0], show_default=True)
@click.option("--zone", help="An IANA zone whose clock explains the lag, such as Asia/Shanghai.")
@click.option("--who", required=True, help="Who approves.")
@click.option("--why", required=True, help="On what ground.")
@output.json_option
def approve_command(
    date: str, symbol: str, feed: str, zone: str | None, who: str, why: str, as_json: bool
) -> None:
    """Approve a feed's clock, as the evidence of a day shows it, from that day on.

    \b
    Example:
      kitchen calibration approve 2025-01-02 BTCUSDT --who "A. Person" --why "the PC runs on UTC+8"
    """  # noqa: D301
    given = Approval(symbol=symbol, feed=feed, day=_day(date), who=who, why=why, zone=zone)
    entry = approve(load_kitchen(), given) | {"valid_from": given.day.isoformat()}
    output.say(entry, [f"approved: {_line(entry)}"], as_json=as_json)


def _day(text: str) -> Any:
    return asked.day(text, "DATE")


def _profile(found: profiles.Profile) -> dict[str, Any]:
    clock = {"zone": found.zone} if found.zone else {"offset_minutes": found.offset_minutes}
    return {
        "symbol": found.symbol,
        "feed": found.feed,
        "valid_from": found.valid_from.isoformat(),
        **clock,
        "who": found.who,
        "why": found.why,
    }


def _line(entry: dict[str, Any]) -> str:
    clock = entry.get("zone") or f"{entry['offset_minutes']} min"
    return (
        f"{entry['symbol']} {entry['feed']} from {entry['valid_from']}: {clock}"
        f" ({entry['who']}: {entry['why']})"
    )


def _lines(found: DayFinding) -> list[str]:
    feeds = [
        f"  {feed}: {entry.status}, offset {entry.offset_minutes} min, skew {entry.skew_ms} ms,"
        f" {entry.identity}, exact {entry.figures.exact_share}"
        for feed, entry in found.feeds.items()
    ]
    reasons = [
        f"    {reason.code} {reason.note}"
        for entry in found.feeds.values()
        for reason in entry.reasons
    ]
    return [f"{found.status}, feed {found.feed}", *feeds, *reasons]
