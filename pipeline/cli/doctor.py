"""`kitchen doctor`: what may be wrong with this installation and kitchen, and what to do."""

from __future__ import annotations

from dataclasses import asdict

import click

from pipeline.cli import output
from pipeline.errors import ExitCode
from pipeline.runs.doctor import Found, look
from pipeline.settings.config import load_kitchen

_MARKS = {"ok": "ok   ", "look": "look ", "wrong": "WRONG"}


@click.command("doctor")
@output.json_option
def command() -> None:
    """Look at versions, compiler, disks, folders, clock, locks, luigid, published days and raw data.

    Each that is not as it should be says what to do.

    \b
    Exit codes:
      0 nothing is wrong   30 something is

    \b
    Example:
      kitchen doctor --json
    """
    found = list(look(load_kitchen()))
    wrong = [it for it in found if it.state == "wrong"]
    code = ExitCode.FAILED if wrong else ExitCode.DONE
    looks = sum(it.state == "look" for it in found)
    summary = f"{len(wrong)} wrong, {looks} worth a look, {len(found) - len(wrong) - looks} as they should be"
    output.say(
        {"found": [asdict(it) for it in found], "exit": code},
        [*(line for it in found for line in _lines(it)), summary],
    )
    click.get_current_context().exit(code)


def _lines(it: Found) -> list[str]:
    lines = [f"{_MARKS[it.state]} {it.matter}: {it.words}"]
    return [*lines, f"        do: {it.do}"] if it.do else lines
