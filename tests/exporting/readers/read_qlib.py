"""Run by qlib's own Python: the features of an instrument as `D.features` gives them.

read_qlib.py OUT.json PROVIDER FREQ NAME START STOP FIELD..
"""

import json
import sys
from importlib.metadata import version
from pathlib import Path

import qlib
from qlib.constant import REG_US
from qlib.data import D

if __name__ == "__main__":
    out, folder, freq, name, start, stop, *fields = sys.argv[1:]
    qlib.init(provider_uri={freq: folder}, region=REG_US, joblib_backend="threading", kernels=1)
    known = D.list_instruments(D.instruments("all"), freq=freq, as_list=True)
    frame = D.features(
        [name], [f"${field}" for field in fields], start_time=start, end_time=stop, freq=freq
    )
    rows = {field: [repr(v) for v in frame[f"${field}"].astype(float)] for field in fields}
    rows["datetime"] = [str(stamp) for stamp in frame.index.get_level_values("datetime")]
    calendar = [str(stamp) for stamp in D.calendar(freq=freq)]
    Path(out).write_text(
        json.dumps(
            {"version": version("pyqlib"), "known": known, "rows": rows, "calendar": calendar}
        )
    )
