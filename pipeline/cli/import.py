"""`kitchen import`: a folder of vendor files, sorted into the raw folder."""

# ruff: noqa: N999 - a command's module has the command's name

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from pipeline.cli import output
from pipeline.errors import ExitCode
from pipeline.runs.importing.placing import Imported, import_folder
from pipeline.settings.config import load_kitchen


@click.command("import")
@click.argument("folder", type=click.Path(path_type=Path))
@output.json_option
def command(folder: Path, as_json: bool) -> None:
    """Sort a folder of vendor files into the raw folder, and name what no adapter claims.

    Files are copied by their kind, interval, symbol, market and dates, as names and rows tell them; a file
    that is there with other bytes is kept, and one that names and rows tell differently is left.

    \b
    Exit codes:
      0 all data found its place   20 files of data were left (texts and pictures do not count)

    \b
    Example:
      kitchen import ~/Downloads/exports
    """  # noqa: D301 - \b is click's mark for a paragraph that keeps its lines
    found = import_folder(load_kitchen(), folder)
    states = dict(sorted(Counter(file.state for file in found).items()))
    groups = _unclaimed(found)
    lines = [_words(file) for file in found if file.state != "unclaimed"]
    lines += [_group_words(group) for group in groups]
    summary = ", ".join(f"{count} {state}" for state, count in states.items()) or "no files"
    code = ExitCode.PENDING if any(file.is_left for file in found) else ExitCode.DONE
    output.say(
        {
            "files": [asdict(file) for file in found],
            "unclaimed": groups,
            "states": states,
            "exit": code,
        },
        [*lines, summary],
        as_json=as_json,
    )
    click.get_current_context().exit(code)


def _words(file: Imported) -> str:
    words = f"{file.state:9} {file.path}"
    words += f" -> {file.to}" if file.to else ""
    return words + (f": {file.why}" if file.why else "")


def _unclaimed(found: list[Imported]) -> list[dict[str, Any]]:
    """The files that no source reads, by kind and reason: how many, the first and the last."""
    groups: dict[tuple[str | None, str], list[str]] = {}
    for file in found:
        if file.state == "unclaimed":
            groups.setdefault((file.kind, file.why), []).append(file.path)
    return [
        {"kind": kind, "why": why, "files": len(paths), "first": paths[0], "last": paths[-1]}
        for (kind, why), paths in groups.items()
    ]


def _group_words(group: dict[str, Any]) -> str:
    what = f"{group['kind'] or 'files'}: {group['files']} files" if group["files"] > 1 else ""
    where = f"({group['first']} .. {group['last']})" if what else group["first"]
    return f"unclaimed {f'{what} {where}'.strip()}: {group['why']}"
