"""`kitchen verify`: is what was published still what was published, and do the raw files still give it?"""

from __future__ import annotations

from dataclasses import replace

import click

from pipeline import windows
from pipeline.cli import output, progress
from pipeline.errors import ExitCode, ParameterError
from pipeline.free_form import Json
from pipeline.publishing import revisions, signing
from pipeline.publishing.opening import open_store
from pipeline.publishing.store import ALWAYS
from pipeline.publishing.verify import Finding, verify, verify_day
from pipeline.runs.rebuild import Rebuilt, rebuild
from pipeline.settings.config import load_kitchen, store_place


@click.command("verify")
@click.argument("days", nargs=-1, metavar="[D|D.rN]..")
@click.option("--all", "everything", is_flag=True, help="Every revision of every date.")
@click.option(
    "--store", metavar="STORE", help="Of this store, such as a copy; by default the configured."
)
@click.option("--rebuild", "again", is_flag=True, help="Build each date again from its raw files.")
@output.json_option
def command(days: tuple[str, ...], everything: bool, store: str | None, again: bool) -> None:
    """Hash every published byte anew, check signatures, links and index; name what lies.

    A date means all its revisions and its links, 2025-01-02.r1 that revision alone. With --rebuild each
    date is also built in a folder of its own from the raw files, and the outcome is one of: same,
    differs, inputs gone, code changed. Nothing is deleted or changed. Exit 30 when anything is wrong.
    From a copy of the store that is whole, kitchen copy --repair puts damaged files right.

    \b
    Examples:
      kitchen verify 2025-01-02 --rebuild
      kitchen verify --all --store ../backup
    """
    kitchen = load_kitchen()
    if store is not None:
        kitchen = replace(kitchen, snapshots=store_place(store))
    if everything == bool(days):
        raise click.UsageError("name dates such as 2025-01-02, or --all")
    if again:
        windows.require_unix("kitchen verify --rebuild")
    opened = open_store(kitchen.snapshots).look(ALWAYS)
    if store is not None and not opened.days():
        raise ParameterError(
            f"--store: nothing is published in {opened.name}; name a store, or mount it"
        )
    wanted = [revisions.parse(text) for text in days] or [(day, None) for day in opened.days()]
    trusted = signing.trusted_by(kitchen)
    findings = {}
    with progress.shown("verify", "dates") as told:
        for day, number in told.each(wanted):
            name = day.isoformat() if number is None else f"{day}.r{number}"
            findings[name] = (
                verify_day(opened, day, trusted)
                if number is None
                else verify(opened, day, number, trusted)
            )
    with progress.shown("rebuild", "dates") as told:
        rebuilt = [rebuild(kitchen, *each) for each in told.each(wanted if again else [])]
    _say(opened.name, findings, rebuilt)


def _say(snapshots: str, findings: dict[str, list[Finding]], rebuilt: list[Rebuilt]) -> None:
    wrong = [f for found in findings.values() for f in found]
    facts: Json = {
        "snapshots": snapshots,
        "checked": sorted(findings),
        "good": not wrong and all(r.good for r in rebuilt),
        "findings": [
            {"date": f.day.isoformat(), "revision": f.revision, "file": f.file, "what": f.what}
            for f in wrong
        ],
        "rebuilt": [r.facts() for r in rebuilt],
    }
    lines: list[str | output.Row] = [_row(*str(f).partition(": ")[::2]) for f in wrong]
    lines += [_row(name, "good") for name, found in sorted(findings.items()) if not found]
    lines += [_row(r.name, f"rebuilt: {r.outcome}{r.told}") for r in rebuilt]
    output.say(facts, lines or [f"nothing is published in {snapshots}"])
    if not facts["good"]:
        raise click.exceptions.Exit(ExitCode.FAILED)


def _row(name: str, what: str) -> output.Row:
    return output.Row((f"{name}:", what), gap=" ")
