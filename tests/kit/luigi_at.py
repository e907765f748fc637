"""The `luigi` program at a made-up instant: `python luigi_at.py NANOSECONDS --module pipeline ...`.

Only what asks whether files have come to rest sees that instant, as in a simulated world.
"""

import os
import sys
from types import SimpleNamespace

sys.path.insert(0, os.getcwd())
instant = int(sys.argv.pop(1))

from luigi.cmdline import luigi_run  # noqa: E402 - the package asks whether Luigi's program is running

from pipeline import arrivals  # noqa: E402

arrivals.time = SimpleNamespace(time_ns=lambda: instant)  # type: ignore[assignment]
luigi_run(sys.argv[1:])
