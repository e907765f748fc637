"""The walk with hysteresis, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.contracts.features_schema import FeatureRules
from pipeline.features.slow_regime import walk

RULES = FeatureRules(
    null_share_max=0.05,
    daily_minutes_share_min=0.95,
    regime_low=0.3,
    regime_high=0.7,
    regime_margin=0.1,
    imbalance_ratio=3,
    imbalance_share_min=0.01,
    imbalance_run=3,
    absorption_quantile=0.8,
    absorption_body_max=0.1,
)


@pytest.mark.parametrize(
    ("percentiles", "state"),
    [
        ([0.5], 0),
        ([0.25], -1),
        ([0.75], 1),
        ([0.5, 0.75], 0),
        ([0.5, 0.81], 1),
        ([0.5, 0.81, 0.65], 1),
        ([0.5, 0.81, 0.59], 0),
        ([0.5, 0.25], 0),
        ([0.5, 0.19], -1),
        ([0.5, 0.19, 0.35], -1),
        ([0.5, 0.19, 0.41], 0),
        ([0.9, 0.1], -1),
        ([0.1, 0.9], 1),
    ],
)
def test_regime_changes_past_the_margin(percentiles: list[float], state: int) -> None:
    """The first day takes the borders as they are; later ones must pass them by the margin."""
    assert walk(np.array(percentiles), RULES) == state
