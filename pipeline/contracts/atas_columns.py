"""The ATAS columns of `bars_1m` that an export other than the day's may fill.

Belongs here: their names, and which of them only make sense together. Prices and volume are not among them:
they, the flags and the basis are those of the day's export. Standard library only: the configuration
reads it, and a run with nothing to do stays light.
"""

from __future__ import annotations

from collections.abc import Mapping

TOGETHER = (
    ("vbuy", "vsell"),
    ("cvd_export",),
    ("poc", "vah", "val"),
    ("bar_vpo_price", "bar_vpo_vol", "bar_vpo_loc", "bar_vpo_side"),
    ("absorption_detected", "absorption_strength", "absorption_side"),
    ("oi",),
    ("cum_bid_depth", "cum_ask_depth"),
)
"""Columns that only make sense together come from one export."""

NAMES = tuple(name for names in TOGETHER for name in names)


def preferred(fields: Mapping[str, tuple[str, ...]], names: tuple[str, ...]) -> tuple[str, ...]:
    """The exports that the configuration names for columns that belong together; none: the default.

    Raises:
        ValueError: it names different ones for two of them.
    """
    found = {name: fields[name] for name in names if name in fields}
    if len(set(found.values())) > 1:
        told = ", ".join(f"{name} from {list(feeds)}" for name, feeds in found.items())
        raise ValueError(f"{told}; {', '.join(names)} belong together, name the same for each")
    return next(iter(found.values()), ())
