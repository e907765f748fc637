"""The `kitchen` program: its commands, and the boundary where errors end."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import click

from pipeline import windows
from pipeline.cli import output
from pipeline.errors import ExitCode, KitchenError

COMMANDS = {
    "accept": "after a refactor: stamp receipts anew once samples come out equal",
    "align": "two files in, aligned bars and a report out",
    "calendar": "all published days on one page, snapshots/index.html",
    "calibration": "what vendors' clocks were found to be; approve a profile",
    "backfill": "every missing or stale day of a range, oldest first",
    "copy": "revisions from one store to another, folder or bucket",
    "completion": "commands and options by the Tab key",
    "config": "check the configuration; its form for editors",
    "cron": "catch up without a person; install --print shows the timer",
    "doctor": "what may be wrong here, and what to do",
    "diff": "rows and columns in which two revisions differ",
    "features": "what every published feature is: list, describe",
    "export": "published days for another tool: freqtrade, nautilus, qlib, ..",
    "explain": "where a row came from, or where a raw line went",
    "fetch": "klines from the exchange into the raw folder",
    "gc": "collect old revisions by a policy; a plan unless --apply",
    "heartbeat": "are the live exporters alive?",
    "import": "sort a folder of vendor files into the raw folder",
    "index": "the condition of every day and symbol, made anew",
    "init": "a new kitchen, from a folder of vendor files",
    "intraday": "bars and report of a day that is still going on",
    "keys": "the signing key, and the keys that verify trusts",
    "luigid": "the scheduler and its dashboard, with the QC pages",
    "pin": "keep a revision for ever",
    "release": "which releases published here, which is in force; adopt",
    "rollback": "a new revision with an older content",
    "serve": "the site: all days, and everything known of each",
    "site": "the same as files",
    "show": "the picture of a day, as a page that opens anywhere",
    "sample": "vendor-format exports of a simulated market",
    "watch": "keep luigid and the rounds of the other commands running",
    "plan": "what would run for a range of days, why, and for how long",
    "status": "days x symbols: revision, condition, still true or stale",
    "why": "why a date, or one symbol of it, would be computed anew",
    "verify": "re-hash what was published; --rebuild from the raw files",
}
"""Command -> what it does; `pipeline.cli.<command>` holds it, loaded only when it is called."""

ON_UNIX = {
    *("accept", "backfill", "calendar", "copy", "cron", "fetch", "gc", "index", "intraday", "keys"),
    *("luigid", "pin", "release", "rollback", "serve", "watch"),
}
"""Commands that build, publish or serve: on Windows they end with a sentence."""


class Kitchen(click.Group):
    """A group whose commands are loaded when they are called, so that `--help` is quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, sorted."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a name; None where there is none."""
        if cmd_name not in COMMANDS:
            return None
        if cmd_name in ON_UNIX:
            windows.require_unix(f"kitchen {cmd_name}")
        command: click.Command = importlib.import_module(f"pipeline.cli.{cmd_name}").command
        _give_loudness(command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that was named; where there is none, the error says which may be meant."""
        try:
            return super().resolve_command(ctx, args)
        except click.NoSuchCommand as error:
            raise click.NoSuchCommand(error.command_name, possibilities=COMMANDS, ctx=ctx) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list in `kitchen --help`, without loading any command."""
        with formatter.section("Commands"):
            formatter.write_dl(sorted(COMMANDS.items()))


def _give_loudness(command: click.Command) -> None:
    """`-q` and `-v` to a command, and to those that it has."""
    command.params += [option for option in output.LOUDNESS if option not in command.params]
    for one in command.commands.values() if isinstance(command, click.Group) else ():
        _give_loudness(one)


def _show_version(ctx: click.Context, param: click.Parameter, wanted: bool) -> None:
    """The release; the digest that tells it from any other code; the libraries that results depend on."""
    if not wanted or ctx.resilient_parsing:
        return
    version = importlib.import_module("importlib.metadata").version("central-data-kitchen")
    here = importlib.import_module("pipeline.runs.installed").this()
    click.echo(f"kitchen {version}, code {here.code}, Python {here.python}")
    click.echo(", ".join(f"{name} {number}" for name, number in here.libraries.items()))
    ctx.exit()


_EXIT_CODES = "\b\nExit codes:\n" + "\n".join(f"  {code:3}  {code.meaning}" for code in ExitCode)


@click.command(
    cls=Kitchen,
    epilog=_EXIT_CODES,
    params=list(output.LOUDNESS),
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_show_version,
    help="Release, digest of the code, libraries.",
)
def cli() -> None:
    """Verified daily snapshots of minute market data.

    Days are built with Luigi: luigi --module pipeline Snapshot --date 2025-01-02
    """


def main(arguments: list[str] | None = None) -> Any:
    """Runs a command; an expected error ends as one sentence and its exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    try:
        return cli.main(args=given, prog_name="kitchen")
    except KitchenError as error:
        output.fail(str(error), error.exit_code, as_json="--json" in given)
        sys.exit(error.exit_code)
