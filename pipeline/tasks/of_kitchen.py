"""What all tasks have in common: to luigid they are the tasks of one kitchen.

Luigi takes family and parameters for the whole of a task's identity. A date of two kitchens that share a
luigid, as a trial beside the one in use, would be one task, and whoever asked second would be told that
another worker has it.
"""

from __future__ import annotations

import hashlib
import os
from functools import lru_cache
from pathlib import Path
from typing import Any

import luigi

from pipeline.tasks import context


class KitchenTask(luigi.Task):
    """A task whose identity has its kitchen's folder of results in it; on each of its hosts it is one."""

    task_id: str

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Of the task's parameters."""
        super().__init__(*args, **kwargs)
        self.task_id = f"{self.task_id}_{_mark(context.kitchen().prepared)}"


@lru_cache(maxsize=8)
def _mark(prepared: Path) -> str:
    return hashlib.sha256(os.fsencode(os.path.realpath(prepared))).hexdigest()[:8]
