"""Where the kitchen is: its package, the configuration in force, the rules that ship with it.

Belongs here: looking for them. What stands in them is `config.py` and `contracts/`.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from pipeline import system
from pipeline.errors import ConfigError

_PACKAGE = Path(__file__).resolve().parent

PROJECT = _PACKAGE.parent
"""The folder that holds the package: a checkout, or the site-packages of an installation."""

_INSTALLED_GOVERNANCE = _PACKAGE / "governance"
"""A wheel's copy of the checkout's `governance/`; a checkout, and an editable installation, have none."""

IS_CHECKOUT = not _INSTALLED_GOVERNANCE.is_dir()

GOVERNANCE = PROJECT / "governance" if IS_CHECKOUT else _INSTALLED_GOVERNANCE
"""The rules that ship with the package."""

CHECKOUT_CONFIG = PROJECT / "configs" / "kitchen.yaml"
"""A checkout's own configuration; an installation has none."""

_NAMES = ("kitchen.yaml", os.path.join("configs", "kitchen.yaml"))


def user_cache(name: str) -> Path:
    """The folder of that name in the user's cache, for what may be deleted at will."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(base) / "central-data-kitchen" / name


def find_config() -> Path | None:
    """The configuration in force, as an absolute path; None where there is none.

    The file that `KITCHEN_CONFIG` names, whether it is there or not; else `kitchen.yaml` or
    `configs/kitchen.yaml` in the working folder or the nearest above it; else a checkout's own.

    Raises:
        ConfigError: what was found may have been laid there by another user.
    """
    named = os.environ.get("KITCHEN_CONFIG")
    if named:
        return Path(named).expanduser().absolute()
    nearest = _nearest_config()
    if nearest is not None:
        _refuse_planted(nearest)
        return nearest
    return CHECKOUT_CONFIG if IS_CHECKOUT else None


def config_file() -> Path:
    """The configuration in force, for what cannot do without.

    Raises:
        ConfigError: there is none, or see `find_config`.
    """
    config = find_config()
    if config is None:
        raise ConfigError(
            f"no configuration: looked for {' and '.join(_NAMES)} in {_working_folder()} and every"
            " folder above it; write one there, or name one in KITCHEN_CONFIG"
        )
    return config


def base_folder(config: Path) -> Path:
    """Where the relative paths of a configuration start: the folder that holds `configs/`, or its own."""
    return config.parent.parent if config.parent.name == "configs" else config.parent


def governance_for(config: Path) -> Path:
    """The rules of a configuration that names none: `governance/` beside its paths, else the package's."""
    beside = base_folder(config) / "governance"
    return beside if beside.is_dir() else GOVERNANCE


def _nearest_config() -> Path | None:
    start = _working_folder()
    if start is None:
        return None
    candidates = (folder / name for folder in (start, *start.parents) for name in _NAMES)
    # A link that leads nowhere counts: reading it says so, where passing over it would take another file.
    return next((path for path in candidates if os.path.lexists(path)), None)


def _working_folder() -> Path | None:
    try:
        return Path.cwd()
    except FileNotFoundError:  # it was removed under the shell
        return None


def _refuse_planted(config: Path) -> None:
    """A configuration names programs to run: none is taken unasked that a stranger could lay in one's way."""
    folder, file = config.parent.stat(), config.lstat()
    if folder.st_mode & stat.S_IWOTH and file.st_uid not in (0, system.user()):
        raise ConfigError(
            f"{config}: belongs to user {file.st_uid}, in a folder that anybody may write to; name it in"
            " KITCHEN_CONFIG if it is meant"
        )
