"""`kitchen completion`: commands, options and their values by the Tab key."""

from __future__ import annotations

import os
from pathlib import Path

import click
from click.shell_completion import get_completion_class

from pipeline import storage
from pipeline.cli import output
from pipeline.errors import ParameterError

_SHELLS = ("bash", "zsh", "fish")
_VARIABLE = "_KITCHEN_COMPLETE"


@click.command("completion")
@click.argument("shell", type=click.Choice(_SHELLS), required=False)
@click.option("--install", is_flag=True, help="Put it where the shell finds it.")
@output.json_option
def command(shell: str | None, *, install: bool) -> None:
    """Print the completion of a shell, by default of $SHELL; or install it for this user.

    \b
    Example:
      kitchen completion bash --install
    """
    name = shell or Path(os.environ.get("SHELL", "")).name
    if name not in _SHELLS:
        raise ParameterError(
            f"completion: no shell was named and $SHELL is {name!r}; name one of {', '.join(_SHELLS)}"
        )
    made = get_completion_class(name)
    if made is None:
        raise ParameterError(
            f"completion: click has none for {name}; name one of {', '.join(_SHELLS)}"
        )
    script = made(click.Group(), {}, "kitchen", _VARIABLE).source()
    if not install:
        output.say({"shell": name, "script": script}, [script])
        return
    file = _place(name)
    file.parent.mkdir(parents=True, exist_ok=True)
    storage.write_bytes(file, script.encode())
    hint = " (its folder must be in $fpath, before compinit)" if name == "zsh" else ""
    output.say({"shell": name, "file": str(file)}, [f"{file}{hint}; it counts in a new shell"])


def _place(shell: str) -> Path:
    """Where a shell looks for completions of a user, by the names of XDG."""
    data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share")
    config = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    places = {
        "bash": data / "bash-completion/completions/kitchen",
        "zsh": data / "zsh/site-functions/_kitchen",
        "fish": config / "fish/completions/kitchen.fish",
    }
    return places[shell]
