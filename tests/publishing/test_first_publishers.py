"""Several publishers may be the first of a store."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pipeline.publishing import preflight
from pipeline.publishing.folder_store import FolderStore

PUBLISHERS, ROUNDS = 8, 100


def test_publishers_that_come_first_together_all_find_a_store(tmp_path: Path) -> None:
    """Whoever makes a folder, the others go on with it."""

    def prepare(store: FolderStore, gate: threading.Barrier) -> None:
        gate.wait()
        preflight.prepare(store)

    with ThreadPoolExecutor(PUBLISHERS) as pool:
        for number in range(ROUNDS):
            store, gate = (
                FolderStore(tmp_path / f"{number}/snapshots"),
                threading.Barrier(PUBLISHERS),
            )
            for done in [pool.submit(prepare, store, gate) for _ in range(PUBLISHERS)]:
                done.result()
            assert (store.root / ".locks").is_dir()
            assert store.revisions.is_dir()
