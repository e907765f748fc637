"""`kitchen import`: a folder of vendor files, sorted into the raw folder."""

# ruff: noqa: N999 - a command's module has the command's name

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

import click

from pipeline.cli import options, output, progress
from pipeline.errors import ExitCode
from pipeline.runs.importing import bringing
from pipeline.runs.importing.placing import Imported, counted, import_folder
from pipeline.settings.config import load_kitchen


@click.command("import")
@click.argument("folder", type=click.Path(path_type=Path))
@options.link_option
@output.json_option
def command(folder: Path, *, link: bool) -> None:
    """Sort a folder of vendor files into the raw folder, and name what no adapter claims.

    Files are copied (with --link: linked) by their kind, interval, symbol, market and dates, as names and
    rows tell them. An export that has grown takes the place of its beginning; any other file that is there
    with other bytes is kept, and one that names and rows tell differently is left. What was there before is
    counted, and listed with -v.

    \b
    Exit codes:
      0 all data found its place   20 files of data were left (texts and pictures do not count)

    \b
    Example:
      kitchen import ~/Downloads/exports
    """
    with progress.shown("import", "files") as told:
        found = import_folder(load_kitchen(), folder, told.each, bringing.way(links=link))
    states = dict(sorted(Counter(file.state for file in found).items()))
    groups = _unclaimed(found)
    told_apart = ("unclaimed",) if output.is_verbose() else ("unclaimed", "there", "ignored")
    lines: list[str | output.Row] = [_row(file) for file in found if file.state not in told_apart]
    lines += [
        output.Row(("unclaimed" if group.data else "no data  ", str(group)), gap=" ")
        for group in groups
    ]
    summary = counted(found) or "no files"
    code = ExitCode.PENDING if any(file.is_left for file in found) else ExitCode.DONE
    output.say(
        {
            "files": [asdict(file) for file in found],
            "unclaimed": [asdict(group) for group in groups],
            "states": states,
            "exit": code,
        },
        [*lines, summary],
    )
    click.get_current_context().exit(code)


def _row(file: Imported) -> output.Row:
    words = f"{file.path} -> {file.to}" if file.to else file.path
    return output.Row((f"{file.state:9}", words + (f": {file.why}" if file.why else "")), gap=" ")


@dataclass(frozen=True, slots=True)
class _Group:
    """Files that no source reads, of one kind and for one reason: how many, the first and the last."""

    kind: str | None
    why: str
    data: bool
    files: int
    first: str
    last: str

    def __str__(self) -> str:
        what = self.first
        if self.files > 1:
            what = f"{self.kind or 'files'}: {self.files} files ({self.first} .. {self.last})"
        return f"{what}: {self.why}"


def _unclaimed(found: list[Imported]) -> list[_Group]:
    groups: dict[tuple[str | None, str, bool], list[str]] = {}
    for file in found:
        if file.state == "unclaimed":
            groups.setdefault((file.kind, file.why, file.data), []).append(file.path)
    return [
        _Group(kind, why, data, len(paths), paths[0], paths[-1])
        for (kind, why, data), paths in groups.items()
    ]
