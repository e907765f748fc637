"""One symbol is read and verified without the others; what was verified is remembered until it changes."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kit import snapshots as kit
from pipeline import storage
from pipeline.contracts.manifest import FileEntry, Range, RowGroup, read_published
from pipeline.errors import SnapshotCorruptError
from pipeline.publishing.folder_store import FolderStore
from pipeline.publishing.revisions import SELF_DIGEST, publication_digest
from pipeline.publishing.seal import publish
from pipeline.publishing.verify import verify
from pipeline.reader import files, load, remembered, verified

SYMBOLS = ("ADAUSDT", "BTCUSDT", "ETHUSDT", "XRPUSDT")


@pytest.fixture(autouse=True)
def _new_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing was verified yet."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    remembered.forget()


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    """A day of four symbols."""
    store = FolderStore(tmp_path / "snapshots")
    publish(kit.draft(tmp_path / "day", states=dict.fromkeys(SYMBOLS, "available")), store)
    return store


def bars_of(store: FolderStore) -> tuple[Path, FileEntry]:
    """The day's bars: the file, which may be damaged, and what the manifest says of it."""
    folder = store.revision(kit.DAY, 1)
    manifest = read_published(storage.read_json(folder / "dataset_manifest.json"), "")
    path = folder / "bars_1m.parquet"
    path.chmod(0o644)
    return path, manifest.files[path.name]


def group_of(entry: FileEntry, symbol: str) -> RowGroup:
    """Where a symbol lies."""
    return next(group for group in entry.row_groups if group.symbol == symbol)


def read_for(entry: FileEntry, symbol: str) -> list[Range]:
    """All that is read of the file for one symbol."""
    group = group_of(entry, symbol)
    assert entry.footer is not None
    return [entry.footer.schema, entry.footer.writer, group.footer, group]


def turn(path: Path, at: int) -> None:
    """Another byte at that place."""
    data = bytearray(path.read_bytes())
    data[at] ^= 0x10
    path.write_bytes(data)


def test_the_manifest_says_where_each_symbol_lies(store: FolderStore) -> None:
    """Offset, size, rows and SHA-256 of each row group, in the file's order."""
    path, entry = bars_of(store)
    data = path.read_bytes()

    assert [(group.symbol, group.rows) for group in entry.row_groups] == [
        (s, 1440) for s in SYMBOLS
    ]
    for symbol in SYMBOLS:
        for part in read_for(entry, symbol):
            there = data[part.offset : part.offset + part.bytes]
            assert hashlib.sha256(there).hexdigest() == part.sha256


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(symbols=st.lists(st.sampled_from(SYMBOLS), min_size=1), data=st.data())
def test_any_symbols_are_the_whole_file_filtered(
    store: FolderStore, symbols: list[str], data: st.DataObject
) -> None:
    """Any symbols in any order, any columns in any order: the same rows as of all, filtered."""
    whole = load("bars_1m", kit.DAY, kit.DAY, root=store.root)
    columns = data.draw(
        st.none() | st.lists(st.sampled_from(whole.column_names), unique=True, min_size=1)
    )
    wanted = whole.filter(pc.is_in(whole["symbol"], pa.array(symbols)))
    got = load("bars_1m", kit.DAY, kit.DAY, symbols, columns=columns, root=store.root)

    assert got.equals(wanted if columns is None else wanted.select(columns), check_metadata=True)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(symbol=st.sampled_from(SYMBOLS), data=st.data())
def test_a_turned_byte_matters_to_who_reads_it(
    store: FolderStore, symbol: str, data: st.DataObject
) -> None:
    """Within what is read for a symbol it is refused; elsewhere nothing changes, and verify sees it."""
    path, entry = bars_of(store)
    good = path.read_bytes()
    ranges = read_for(entry, symbol)
    at = data.draw(
        st.integers(0, len(good) - 1)
        | st.sampled_from(ranges).flatmap(
            lambda part: st.integers(part.offset, part.offset + part.bytes - 1)
        )
    )
    wanted = load("bars_1m", kit.DAY, kit.DAY, [symbol], root=store.root)
    turn(path, at)

    if any(part.offset <= at < part.offset + part.bytes for part in ranges):
        with pytest.raises(SnapshotCorruptError, match=r"bars_1m\.parquet: sha256 of bytes"):
            load("bars_1m", kit.DAY, kit.DAY, [symbol], root=store.root)
    else:
        assert load("bars_1m", kit.DAY, kit.DAY, [symbol], root=store.root).equals(wanted)
    assert "bars_1m.parquet" in {finding.file for finding in verify(store, kit.DAY)}
    path.write_bytes(good)


def test_a_file_that_is_cut_is_refused(store: FolderStore) -> None:
    """Bytes that are not there are no zeros."""
    path, entry = bars_of(store)
    path.write_bytes(path.read_bytes()[: group_of(entry, "ETHUSDT").offset + 10])

    with pytest.raises(
        SnapshotCorruptError, match=r"bars_1m\.parquet: has \d+ bytes, wanted \d+ or more"
    ):
        load("bars_1m", kit.DAY, kit.DAY, ["ETHUSDT"], root=store.root)


def test_a_turned_byte_of_the_conditions_is_refused(store: FolderStore) -> None:
    """The parts of the manifest that a reader goes by are held against the publication."""
    path = store.revision(kit.DAY, 1) / "dataset_manifest.json"
    part = storage.read_json(path.with_name("publication.json"))["manifest_parts"]["condition"]
    path.chmod(0o644)
    turn(path, part["offset"] + 5)

    with pytest.raises(SnapshotCorruptError, match=r"dataset_manifest\.json: sha256 of bytes"):
        load("bars_1m", kit.DAY, kit.DAY, ["BTCUSDT"], root=store.root)


def test_a_revision_of_an_earlier_release_is_read_whole(store: FolderStore) -> None:
    """Neither row groups in the manifest nor parts in the publication: the same rows, any damage refused."""
    folder = store.revision(kit.DAY, 1)
    wanted = load(
        "bars_1m", kit.DAY, kit.DAY, ["ETHUSDT"], columns=["ts", "close"], root=store.root
    )
    manifest, paper = folder / "dataset_manifest.json", folder / "publication.json"
    document = storage.read_json(manifest)
    for entry in document["files"].values():
        for key in ("row_groups", "footer"):
            entry.pop(key, None)
    said = storage.read_json(paper)
    del said["manifest_parts"]
    folder.chmod(0o755)
    storage.write_bytes(manifest, storage.canonical_json(document))
    said["manifest_sha256"] = storage.file_digest(manifest)
    said[SELF_DIGEST] = publication_digest(said)
    storage.write_json(paper, said)

    assert load(
        "bars_1m", kit.DAY, kit.DAY, ["ETHUSDT"], columns=["ts", "close"], root=store.root
    ).equals(wanted)
    path, _ = bars_of(store)
    turn(path, 100)
    with pytest.raises(SnapshotCorruptError, match="its manifest says"):
        load("bars_1m", kit.DAY, kit.DAY, ["ETHUSDT"], root=store.root)


def test_what_was_verified_is_remembered_by_later_processes(store: FolderStore) -> None:
    """A record a file and question, once the file is at rest; a file that just changed has none."""
    load("bars_1m", kit.DAY, kit.DAY, ["BTCUSDT"], root=store.root)
    cache = Path(os.environ["XDG_CACHE_HOME"]) / "central-data-kitchen/verified/ranges"
    assert not cache.exists()

    time.sleep(2.1)
    load("bars_1m", kit.DAY, kit.DAY, ["BTCUSDT"], root=store.root)
    files("bars_1m", kit.DAY, kit.DAY, root=store.root)
    size = cache.stat().st_size
    assert size > 0
    assert cache.stat().st_mode & 0o777 == 0o600

    remembered.forget()
    load("bars_1m", kit.DAY, kit.DAY, ["BTCUSDT"], root=store.root)
    files("bars_1m", kit.DAY, kit.DAY, root=store.root)
    assert cache.stat().st_size == size


def noted(folder: Path) -> tuple[Path, Range]:
    """A file, and a range with a wrong digest that the cache says was verified."""
    path, wrong = folder / "file", Range(offset=0, bytes=4, sha256="0" * 64)
    path.write_bytes(b"rows")
    time.sleep(2.1)
    state = path.stat()
    remembered.note(remembered.record(state, [wrong]), state)
    remembered.keep()
    return path, wrong


def test_memory_is_of_one_state_of_a_file(tmp_path: Path) -> None:
    """What is remembered is not hashed again; touched, the same question is."""
    path, wrong = noted(tmp_path)
    state = path.stat()
    remembered.forget()

    assert verified.ranges(path, [wrong]) == [b"rows"]
    os.utime(path, ns=(state.st_mtime_ns, state.st_mtime_ns))
    with pytest.raises(SnapshotCorruptError, match="wanted 0000"):
        verified.ranges(path, [wrong])


def test_records_that_others_may_write_count_for_nothing(tmp_path: Path) -> None:
    """The cache is believed only where nobody but its user can have written it."""
    path, wrong = noted(tmp_path)
    (Path(os.environ["XDG_CACHE_HOME"]) / "central-data-kitchen/verified/ranges").chmod(0o666)
    remembered.forget()

    with pytest.raises(SnapshotCorruptError, match="wanted 0000"):
        verified.ranges(path, [wrong])


def test_a_torn_record_costs_no_later_one(tmp_path: Path) -> None:
    """A process that dies while it adds to the cache leaves a part of a record."""
    cache = Path(os.environ["XDG_CACHE_HOME"]) / "central-data-kitchen/verified/ranges"
    cache.parent.mkdir(parents=True)
    cache.write_bytes(os.urandom(16 * 3 + 7))

    path, wrong = noted(tmp_path)
    remembered.forget()

    assert cache.stat().st_size == 16 * 4
    assert verified.ranges(path, [wrong]) == [b"rows"]


def test_the_memory_is_bounded(tmp_path: Path) -> None:
    """Once there are more records than are kept, the older half goes."""
    cache = Path(os.environ["XDG_CACHE_HOME"]) / "central-data-kitchen/verified/ranges"
    cache.parent.mkdir(parents=True)
    cache.write_bytes(os.urandom((1 << 23) + 16))
    cache.chmod(0o600)
    last = cache.read_bytes()[-16:]
    path = tmp_path / "file"
    path.write_bytes(b"rows")
    time.sleep(2.1)
    verified.ranges(path, [Range(offset=0, bytes=4, sha256=hashlib.sha256(b"rows").hexdigest())])
    remembered.keep()

    data = cache.read_bytes()
    assert len(data) == (1 << 22) + 16
    assert data[-32:-16] == last


def test_a_cache_that_cannot_be_written_costs_nothing_but_time(
    store: FolderStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file where the folder should be."""
    (tmp_path / "blocked").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "blocked"))
    time.sleep(2.1)

    assert load("bars_1m", kit.DAY, kit.DAY, ["BTCUSDT"], root=store.root).num_rows == 1440
