"""Every feature, in the order of the published columns. To add one: its step here, and its entry in
`governance/SCHEMA_features.json` made anew (`catalogue.py`); the two are held against each other before
anything is computed.
"""

from __future__ import annotations

from pipeline.contracts.features_schema import FeaturesSchema, Table
from pipeline.errors import ConfigError
from pipeline.features import (
    absorption,
    calendar,
    candle,
    cvd,
    feeds,
    imbalance,
    liquidity,
    profile,
    quotes,
    returns,
    slow_basis,
    slow_funding,
    slow_interest,
    slow_range,
    slow_regime,
    slow_trend,
    slow_volatility,
    ticks,
    toxicity,
    trend,
    volatility,
    volume,
    vpo,
)
from pipeline.features.step import Step
from pipeline.free_form import Document

MICRO: tuple[Step, ...] = (
    # of minutes
    returns.ret_1m,
    candle.hl_range,
    volume.vol_1m,
    cvd.cvd_norm(60),
    vpo.vpo_loc,
    vpo.vpo_intensity,
    vpo.vpo_bias,
    candle.spread_proxy,
    absorption.absorb_flag,
    absorption.absorb_side,
    absorption.absorb_strength,
    profile.gap("poc"),
    profile.gap("vah"),
    profile.gap("val"),
    trend.trend_proxy,
    volatility.rv(5),
    # of candles
    candle.range1m,
    candle.real_body,
    candle.upper_wick,
    candle.lower_wick,
    candle.hlc3,
    volume.ohlc_vol_norm,
    candle.impute_flag,
    cvd.cvd_atr,
    # more of the same minute
    profile.gap_bps("poc"),
    profile.gap_bps("vah"),
    profile.gap_bps("val"),
    volume.trade_count,
    volume.avg_size,
    volume.vwap_gap,
    volume.taker_ratio,
    cvd.delta,
    cvd.delta_ratio,
    feeds.basis_bps,
    feeds.xfeed_vol_ratio,
    ticks.running_delta("min"),
    ticks.running_delta("max"),
    ticks.interarrival_mean,
    ticks.interarrival_cv,
    ticks.burstiness,
    ticks.largest_share,
    ticks.size_q95,
    quotes.mid,
    quotes.spread_bps,
    quotes.queue_imb,
    quotes.microprice,
    quotes.eff_spread,
    quotes.ofi,
    imbalance.imbalance("buy"),
    imbalance.imbalance("sell"),
    imbalance.stacked("buy"),
    imbalance.stacked("sell"),
    imbalance.stacked_price("buy"),
    imbalance.stacked_price("sell"),
    # trailing windows
    cvd.cvd_session,
    cvd.cvd_roll(60),
    cvd.cvd_roll(240),
    cvd.cvd_divergence(60),
    cvd.sign_entropy(60),
    profile.session("poc"),
    profile.session("vah"),
    profile.session("val"),
    profile.roll("poc", 240),
    profile.roll("vah", 240),
    profile.roll("val", 240),
    absorption.own_absorb_flag,
    absorption.own_absorb_side,
    absorption.own_absorb_score,
    volatility.parkinson(30),
    volatility.parkinson(60),
    volatility.garman_klass(30),
    volatility.garman_klass(60),
    volatility.rogers_satchell(30),
    volatility.rogers_satchell(60),
    volatility.yang_zhang(30),
    volatility.yang_zhang(60),
    volatility.bipower(60),
    volatility.jump_share(60),
    volatility.semivar("up", 60),
    volatility.semivar("down", 60),
    liquidity.kyle_lambda(60),
    liquidity.kyle_t(60),
    liquidity.kyle_root(60),
    liquidity.kyle_root_t(60),
    liquidity.amihud(60),
    liquidity.amihud(1440),
    liquidity.roll_spread(120),
    liquidity.corwin_schultz(60),
    liquidity.edge_spread(240),
    toxicity.vpin,
    # the clock
    calendar.tod("sin"),
    calendar.tod("cos"),
    calendar.dow,
    calendar.min_to_funding,
)
"""Steps on the minute grid."""

MACRO: tuple[Step, ...] = (
    slow_trend.ma200_anchor,
    slow_trend.ma200_slope,
    slow_trend.trend_tstat(90),
    slow_trend.ema_cross,
    slow_volatility.rv(1),
    slow_volatility.rv(7),
    slow_volatility.rv(30),
    slow_volatility.rv_5m_1d,
    slow_volatility.rv_cc_30d,
    slow_regime.vol_percentile,
    slow_regime.vol_regime,
    slow_regime.vol_regime_cc,
    slow_volatility.vol_of_vol(30),
    slow_range.drawdown(365),
    slow_range.range_1d,
    slow_range.range_7d,
    slow_range.pos_in_range_d(30),
    slow_regime.volume_ratio,
    slow_regime.volume_regime,
    slow_regime.amihud_30d,
    slow_regime.liq_regime,
    slow_basis.basis_1d,
    slow_basis.basis_d_z(30),
    slow_funding.funding_last,
    slow_funding.funding_7d,
    slow_funding.funding_z,
    slow_interest.oi_chg_1d,
    slow_interest.oi_chg_7d,
    slow_interest.oi_to_vol,
)
"""Steps on the grid of completed UTC days."""

STEPS: dict[Table, tuple[Step, ...]] = {"micro": MICRO, "macro": MACRO}


def facts(step: Step) -> Document:
    """What the code and its entry in SCHEMA_features.json must agree on."""
    return {
        "name": step.name,
        "family": step.family,
        "type": step.type,
        "unit": step.unit,
        "window": step.window,
        "warm_up": step.warm_up,
        "inputs": list(step.inputs),
        "nulls": step.nulls,
        "version": step.version,
    }


def entry(step: Step, table: Table) -> Document:
    """Its entry in SCHEMA_features.json; the description is the first line of the formula."""
    described = step.formula.partition("\n")[0]
    return {"name": step.name, "table": table, **facts(step), "description": described}


def steps(features: FeaturesSchema, table: Table) -> tuple[Step, ...]:
    """The registered steps of a table, once they agree with SCHEMA_features.json.

    Raises:
        ConfigError: a feature is in one of the two alone, stands at another place, or differs.
    """
    registered = STEPS[table]
    entries = features.entries(table)
    code, document = [s.name for s in registered], [e["name"] for e in entries]
    if code != document:
        raise ConfigError(
            f"{features.path}: {table} features differ from the registry: only there"
            f" {[n for n in document if n not in code] or 'none'}, only in the code"
            f" {[n for n in code if n not in document] or 'none'};"
            " wanted the same names in the same order; fix one of the two"
        )
    faults = [
        f"{step.name}.{key} is {entry[key]!r} there and {value!r} in the code"
        for step, entry in zip(registered, entries, strict=True)
        for key, value in facts(step).items()
        if entry[key] != value
    ]
    if faults:
        raise ConfigError(f"{features.path}: {'; '.join(faults)}; fix one of the two")
    return registered
