"""`kitchen import`: a folder of vendor files, sorted into the raw folder."""

# ruff: noqa: N999 - a command's module has the command's name

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from pathlib import Path

import click

from pipeline.cli import output
from pipeline.config import load_kitchen
from pipeline.ops.importing import Imported, import_folder


@click.command("import")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Facts as JSON.")
def command(folder: Path, as_json: bool) -> None:
    """Sort a folder of vendor files into the raw folder, and name what no adapter claims.

    Files are copied by their format, symbol and date; a file that is there with other bytes is kept.

    \b
    Example:
      kitchen import ~/Downloads/exports
    """  # noqa: D301 - \b is click's mark for a paragraph that keeps its lines
    found = import_folder(load_kitchen(), folder)
    states = Counter(file.state for file in found)
    lines = [_words(file) for file in found]
    summary = ", ".join(f"{count} {state}" for state, count in sorted(states.items())) or "no files"
    output.say(
        {"files": [asdict(file) for file in found], "states": dict(sorted(states.items()))},
        [*lines, summary],
        as_json=as_json,
    )


def _words(file: Imported) -> str:
    words = f"{file.state:9} {file.path}"
    words += f" -> {file.to}" if file.to else ""
    return words + (f": {file.why}" if file.why else "")
