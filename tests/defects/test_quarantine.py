"""A day whose only kline file is quarantined is refused; its corrected checksum alone brings it back."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from pathlib import Path

from kit.injection import KLINES
from kit.support import luigi, write_config
from pipeline.sample.generate import SampleRequest, write_sample


def test_a_wrong_checksum_refuses_the_day_until_it_is_corrected(tmp_path: Path) -> None:
    """Exit 30 with both codes and nothing published; the checksum file alone makes the feed stale."""
    write_config(tmp_path)
    raw = tmp_path / "data" / "raw"
    write_sample(
        SampleRequest(out=raw, first=dt.date(2025, 1, 2), trades_per_day=3000, defects=("B03",))
    )
    refused = luigi(tmp_path, "Snapshot", "--date", "2025-01-02")
    digest = hashlib.sha256((raw / KLINES).read_bytes()).hexdigest()
    (raw / f"{KLINES}.CHECKSUM").write_text(f"{digest}  {KLINES.split('/')[-1]}\n")
    published = luigi(tmp_path, "Snapshot", "--date", "2025-01-02")
    manifest = json.loads((tmp_path / "snapshots/2025-01-02/dataset_manifest.json").read_text())

    assert refused.returncode == 30, refused.stderr
    assert "B06" in refused.stderr
    assert "B03" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert published.returncode == 0, published.stderr
    assert manifest["condition"]["day"] == "available"
    assert manifest["inputs"]["BTCUSDT"][KLINES]["inferred"] == {
        "encoding": "utf-8",
        "format": "binance_klines",
        "header": True,
        "unit": "ms",
        "volume": "base, as written",
    }
