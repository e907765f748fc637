"""The code and the governed document say the same, and steps are what they declare."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kit.feature_frames import long_day_frame, minute_frame
from kit.shipped import RULES
from pipeline.contracts import features_schema
from pipeline.errors import ConfigError
from pipeline.features import registry
from pipeline.features.evaluate import values
from pipeline.features.frame import Frame
from pipeline.features.levels import PREFIX
from pipeline.features.registry import MACRO, MICRO
from pipeline.features.step import Step

C2 = [
    *("ret_1m", "hl_range", "vol_1m", "cvd_norm", "vpo_loc", "vpo_intensity", "vpo_bias"),
    *("spread_proxy", "absorb_flag", "absorb_side", "absorb_strength"),
    *("poc_gap", "vah_gap", "val_gap", "trend_proxy", "rv_5m"),
]


@pytest.fixture
def changed(governance: Path, tmp_path: Path) -> Callable[[Callable[[Any], None]], Path]:
    """A governance folder whose SCHEMA_features.json went through a change."""

    def make(change: Callable[[Any], None]) -> Path:
        document = json.loads((governance / "SCHEMA_features.json").read_text())
        change(document)
        (tmp_path / "SCHEMA_features.json").write_text(json.dumps(document))
        return tmp_path

    return make


def _rename(document: Any) -> None:
    document["features"][0]["name"] = "ret_2m"


def _swap(document: Any) -> None:
    features = document["features"]
    features[0], features[1] = features[1], features[0]


def _drop(document: Any) -> None:
    del document["features"][5]


@pytest.mark.parametrize("change", [_rename, _swap, _drop])
def test_names_must_agree_both_ways(
    change: Callable[[Any], None], changed: Callable[..., Path]
) -> None:
    """A feature that only one side has, or that stands elsewhere, is a configuration error."""
    with pytest.raises(ConfigError, match="micro features differ from the registry"):
        registry.steps(features_schema.load(changed(change)), "micro")


@pytest.mark.parametrize(
    ("key", "value"),
    [("unit", "bps"), ("window", 2), ("warm_up", 9), ("inputs", []), ("version", 2)],
)
def test_facts_must_agree(key: str, value: object, changed: Callable[..., Path]) -> None:
    """A difference in what a feature is names the feature, the key and both values."""

    def change(document: Any) -> None:
        document["features"][0][key] = value

    with pytest.raises(ConfigError, match=rf"ret_1m\.{key} is .* there and .* in the code"):
        registry.steps(features_schema.load(changed(change)), "micro")


def _twice(document: Any) -> None:
    document["features"].append(document["features"][0])


def _family(document: Any) -> None:
    document["features"][0]["family"] = "guesses"


def _share(document: Any) -> None:
    document["rules"]["null_share_max"] = 5


def _unknown_type(document: Any) -> None:
    document["features"][0]["type"] = "decimal"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_twice, "ret_1m stands twice"),
        (_family, "features.ret_1m.family: got 'guesses'"),
        (_share, "rules.null_share_max: .* max value 1"),
        (_unknown_type, "features.0.type: unallowed value 'decimal'"),
    ],
)
def test_broken_document_is_refused(
    change: Callable[[Any], None], words: str, changed: Callable[..., Path]
) -> None:
    """A document that does not hold together is refused with the key path of its fault."""
    with pytest.raises(ConfigError, match=words):
        features_schema.load(changed(change))


def test_consumers_list_comes_first() -> None:
    """The sixteen features of the consumers' list are there, in its order."""
    assert [step.name for step in MICRO][:16] == C2


def test_inputs_are_governed_columns() -> None:
    """Every input is a column of the table that the step reads."""
    bars = set(RULES.schema.table("bars_1m").names)
    tape = {f"ticks.{name}" for name in RULES.schema.table("minute_stats").names}
    levels = {PREFIX + name for name in RULES.schema.table("footprint").names}
    daily = set(RULES.schema.table("daily_stats").names)

    assert {name for step in MICRO for name in step.inputs} <= bars | tape | levels
    assert {name for step in MACRO for name in step.inputs} <= daily


@pytest.fixture(scope="module")
def frames() -> dict[str, Frame]:
    by_table = {MICRO: minute_frame(), MACRO: long_day_frame()}
    return {step.name: frame for steps, frame in by_table.items() for step in steps}


@pytest.mark.parametrize("step", [*MICRO, *MACRO], ids=lambda step: step.name)
def test_step_reads_what_it_declares(step: Step, frames: dict[str, Frame]) -> None:
    """With the declared inputs alone the values are the same; without any of them they are not."""
    frame = frames[step.name]
    own = {name: x for name, x in frame.columns.items() if name in step.inputs}
    levels = {name: x for name, x in frame.levels.columns.items() if name in step.inputs}

    alone = values(step, _reduced(frame, own, levels))

    assert alone.tobytes() == values(step, frame).tobytes()
    for name in step.inputs:
        fewer = {key: x for key, x in frame.columns.items() if key != name}
        lower = {key: x for key, x in frame.levels.columns.items() if key != name}
        with pytest.raises(KeyError):
            step(_reduced(frame, fewer, lower))


def _reduced(frame: Frame, columns: dict[str, Any], levels: dict[str, Any]) -> Frame:
    columns = columns or {"none of its inputs": np.zeros(len(frame))}
    fewer = dataclasses.replace(frame.levels, columns=levels)
    return dataclasses.replace(frame, columns=columns, levels=fewer)


@pytest.mark.parametrize("step", [*MICRO, *MACRO], ids=lambda step: step.name)
def test_step_is_frozen_and_told(step: Step) -> None:
    """A step cannot be changed, and its docstring begins with its formula."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        step.window = 2  # type: ignore[misc]

    assert len(step.formula.splitlines()[0]) > 3
