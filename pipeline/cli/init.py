"""`kitchen init`: a new kitchen, from a folder of vendor files if there is one."""

from __future__ import annotations

import os
import shlex
from collections import Counter
from pathlib import Path

import click

from pipeline import layout, system, windows
from pipeline.cli import options, output, progress
from pipeline.errors import ExitCode, ParameterError
from pipeline.free_form import Json
from pipeline.model.limits import Limits
from pipeline.runs import default_day, founding
from pipeline.runs.importing import bringing
from pipeline.runs.importing.heap import is_simulated
from pipeline.runs.importing.placing import Imported, counted, import_folder
from pipeline.runs.importing.survey import Instrument, survey
from pipeline.settings.config import read_kitchen

_MOST_LEFT = 10


@click.command("init")
@click.argument("folder", default=".", type=options.FOLDER)
@click.option(
    "--from",
    "exports",
    type=options.FOLDER,
    help="Vendor files: look into them, sort them in, build the newest day.",
)
@options.link_option
@click.option("--dry-run", is_flag=True, help="Show the configuration, write nothing.")
@click.option("--no-build", is_flag=True, help="Do not build the newest day.")
@output.json_option
def command(
    folder: Path, exports: Path | None, *, link: bool, dry_run: bool, no_build: bool
) -> None:
    """Make a folder a kitchen: kitchen.yaml with comments, its schema for editors, governance/ to govern by.

    With --from it looks which symbols, markets, feeds and dates the files are of, writes that down, copies
    or links the files to their places, and builds the newest day that is complete (with --json none).
    Nothing there is changed.

    \b
    Exit codes:
      0 done   20 files of data found no place, or there are none   30 the day could not be built

    \b
    Example:
      kitchen init my-kitchen --from ~/Downloads/exports
    """
    if exports is not None and not exports.is_dir():
        known = windows.spelling(str(exports))
        raise ParameterError(
            f"--from: {exports} is no folder{known}; name one that holds vendor files"
        )
    simulated = exports is not None and bool(is_simulated(exports))
    instruments, left = ([], []) if exports is None else survey(exports, Limits())
    configuration = founding.text(instruments, simulated=simulated)
    if dry_run:
        output.say(_facts(folder, instruments, left), [configuration.rstrip(), *_left(left)])
        return
    file = founding.found(folder.absolute(), configuration)
    kitchen = read_kitchen(file)
    can_build = any(it.has_klines for it in instruments)
    usable = [it for it in instruments if it.has_klines or not can_build]
    files = left
    if exports is not None and usable:
        with progress.shown("import", "files") as told:
            files = import_folder(kitchen, exports, told.each, bringing.way(links=link))
    output.say(
        _facts(folder, instruments, files),
        [
            *([] if exports is None or files else [f"{exports}: nothing in it is a vendor's file"]),
            f"{file}: {', '.join(it.name for it in usable) or 'an example to change'}",
            *(f"  {it.name} {it.market}: {'; '.join(it.words())}" for it in instruments),
            *([counted(files)] if files else []),
            *_left(files),
            *founding.next_step(file, instruments, simulated=simulated),
        ],
    )
    has_all = exports is None or (usable and not any(it.is_left for it in files))
    code: int = ExitCode.DONE if has_all else ExitCode.PENDING
    if can_build and not no_build and not output.is_json() and system.is_unix():
        code = _built(file) or code
    click.get_current_context().exit(code)


def _built(file: Path) -> int:
    """Builds the newest complete day, which says for itself what came of it; then where to go."""
    os.environ["KITCHEN_CONFIG"] = str(file)
    layout.forget_listings()
    code = default_day.run("Snapshot", None)
    if file.parent.resolve() != Path.cwd().resolve():
        here = shlex.quote(str(file.parent))
        click.echo(f"next: cd {here}  (kitchen show and the other commands find the kitchen there)")
    return code


def _facts(folder: Path, instruments: list[Instrument], files: list[Imported]) -> Json:
    return {
        "folder": str(folder),
        "symbols": {
            it.name: {
                "market": it.market,
                "klines": it.has_klines,
                "atas": it.has_atas,
                "feeds": {feed: sorted(days) for feed, days in it.dates.items()},
            }
            for it in instruments
        },
        "files": dict(Counter(it.state for it in files)),
        "left": [it.path for it in files if it.is_left],
    }


def _left(files: list[Imported]) -> list[str]:
    """A line each, of the first that are left."""
    left = [it for it in files if it.is_left]
    lines = [f"left  {it.path}: {it.why}" for it in left[:_MOST_LEFT]]
    more = len(left) - _MOST_LEFT
    return [*lines, f"left  {more} more: kitchen import says which"] if more > 0 else lines
