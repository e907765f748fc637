"""`kitchen calibration show|approve`: what vendors' clocks were found to be, and approving them."""

from __future__ import annotations

import datetime as dt

import click

from pipeline.cli import options, output
from pipeline.contracts import profiles
from pipeline.contracts.calibration import DayFinding, to_json
from pipeline.contracts.profiles import Profile
from pipeline.free_form import Json
from pipeline.model.feeds import ATAS_FEEDS
from pipeline.runs.approve import Approval, approve, entry_of, finding
from pipeline.settings.config import load_kitchen


@click.group("calibration")
def command() -> None:
    """What vendors' clocks were found to be, and approved profiles. All commands take --json.

    \b
    Example:
      kitchen calibration show 2025-01-02 BTCUSDT
    """


@command.command("show")
@options.day_argument("date", required=False)
@click.argument("symbol", required=False)
@output.json_option
def show(date: dt.date | None, symbol: str | None) -> None:
    """The finding of a day and symbol; without them, the approved profiles.

    \b
    Example:
      kitchen calibration show 2025-01-02 BTCUSDT
    """
    kitchen = load_kitchen()
    if date is None or symbol is None:
        known = profiles.load(kitchen.governance)
        lines = [_line(profile) for profile in known] or ["no profile is approved"]
        output.say({"profiles": [_facts(profile) for profile in known]}, lines)
        return
    found = finding(kitchen, symbol, date)
    output.say(to_json(found), _lines(found))


@command.command("approve")
@options.day_argument("date")
@click.argument("symbol")
@click.option("--feed", type=options.Choice(ATAS_FEEDS), default=ATAS_FEEDS[0], show_default=True)
@click.option("--zone", help="An IANA zone whose clock explains the lag, such as Asia/Shanghai.")
@click.option("--who", required=True, help="Who approves.")
@click.option("--why", required=True, help="On what ground.")
@output.json_option
def approve_command(
    date: dt.date, symbol: str, feed: str, zone: str | None, who: str, why: str
) -> None:
    """Approve a feed's clock, as the evidence of a day shows it, from that day on.

    \b
    Example:
      kitchen calibration approve 2025-01-02 BTCUSDT --who "A. Person" --why "the PC runs on UTC+8"
    """
    given = Approval(symbol=symbol, feed=feed, day=date, who=who, why=why, zone=zone)
    profile = approve(load_kitchen(), given)
    output.say(_facts(profile), [f"approved: {_line(profile)}"])


def _facts(profile: Profile) -> Json:
    return {**entry_of(profile), "valid_from": profile.valid_from.isoformat()}


def _line(profile: Profile) -> str:
    clock = profile.zone or f"{profile.offset_minutes} min"
    return (
        f"{profile.symbol} {profile.feed} from {profile.valid_from}: {clock}"
        f" ({profile.who}: {profile.why})"
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
