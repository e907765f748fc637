"""The tape of a minute: the first that is there and believed, and never an archive that is not proven."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.alignment.flow import Sides, delta_columns
from pipeline.proof.choice import NO_TAPE, Candidate, believed, proven, used

STATES = ("absent", "differs", "proven")


def tapes(**states: str) -> dict[str, Candidate]:
    """Tapes of one state in every minute, in order; `ticks` is another recorder's."""
    return {
        name: Candidate(
            covered=np.full(1440, state != "absent"),
            proven=np.full(1440, state == "proven"),
            must_be_proven=name != "ticks",
        )
        for name, state in states.items()
    }


TABLE = {
    ("proven", "proven", "proven"): ("ticks", True),
    ("differs", "proven", "proven"): ("trades", True),
    ("differs", "differs", "proven"): ("agg_trades", True),
    ("differs", "differs", "absent"): ("ticks", False),
    ("differs", "absent", "absent"): ("ticks", False),
    ("absent", "proven", "differs"): ("trades", True),
    ("absent", "differs", "proven"): ("agg_trades", True),
    ("absent", "differs", "differs"): (None, False),
    ("absent", "absent", "differs"): (None, False),
    ("absent", "absent", "absent"): (None, None),
}


@pytest.mark.parametrize("states", TABLE)
def test_by_the_rules(states: tuple[str, str, str]) -> None:
    """Ticks, trades, aggregates, in this order: which is used, and whether the minute is proven."""
    given_tapes = tapes(**dict(zip(("ticks", "trades", "agg_trades"), states, strict=True)))
    name, is_proven = TABLE[states]
    place = NO_TAPE if name is None else list(given_tapes).index(name)

    assert set(used(given_tapes).tolist()) == {place}
    assert set(proven(given_tapes).to_pylist()) == {is_proven}


@given(
    states=st.permutations(("ticks", "trades", "agg_trades")).flatmap(
        lambda order: st.fixed_dictionaries(
            {name: st.lists(st.sampled_from(STATES), min_size=3, max_size=3) for name in order}
        )
    )
)
def test_a_minute_is_proven_where_a_tape_can_prove_it(states: dict[str, list[str]]) -> None:
    """In any order of preference: an archive is used only where proven, and no proven archive is passed by
    for a recorded tape that is not.
    """
    found = {
        name: Candidate(
            covered=np.resize(np.array(row) != "absent", 1440),
            proven=np.resize(np.array(row) == "proven", 1440),
            must_be_proven=name != "ticks",
        )
        for name, row in states.items()
    }
    place, told = used(found), proven(found).to_pylist()
    for minute in range(3):
        row = {name: found_states[minute] for name, found_states in states.items()}
        archives = [row[name] == "proven" for name in row if name != "ticks"]
        at = list(row)[place[minute]] if place[minute] != NO_TAPE else None
        assert at is None or row[at] == "proven" or (at == "ticks" and row[at] == "differs")
        later = list(row)[list(row).index("ticks") + 1 :]
        if any(row[name] == "proven" for name in later) or row["ticks"] == "proven":
            assert told[minute] is True
        assert any(archives) or at in ("ticks", None)
        assert (told[minute] is None) == (set(row.values()) == {"absent"})


def test_delta_follows_the_tapes_that_are_believed() -> None:
    """Minute by minute: an unproven archive gives way to the klines, and the source says so."""
    measured = Sides(buy=np.full(1440, 2.0), sell=np.full(1440, 1.0))
    klines = Sides(buy=np.full(1440, 5.0), sell=np.full(1440, 1.0))
    is_proven = np.arange(1440) < 700
    found = {
        "trades": Candidate(
            covered=np.ones(1440, dtype=np.bool_), proven=is_proven, must_be_proven=True
        )
    }
    sources = {"trades": measured.within(believed(found)["trades"]), "klines": klines}
    columns = delta_columns(sources, 1440)

    assert columns["delta_source"].to_pylist() == ["trades"] * 700 + ["klines"] * 740
    assert columns["delta"].to_pylist() == [1.0] * 700 + [4.0] * 740
