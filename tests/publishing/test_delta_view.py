"""Published tables as Delta tables: whatever happened, the newest version is what `load` gives."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from kit import object_server
from kit import snapshots as kit
from pipeline.publishing import collect
from pipeline.publishing.collect import Policy
from pipeline.publishing.delta_view import Views
from pipeline.publishing.opening import open_store
from pipeline.publishing.rollback import rollback
from pipeline.publishing.seal import publish
from pipeline.publishing.store import Store
from pipeline.reader import load
from pipeline.settings.stores import Place

D1, D2, D3 = (kit.DAY + dt.timedelta(days=i) for i in range(3))
LOG = "delta/bars_1m/_delta_log"
EVERY = ("available", "degraded", "missing", "pending")


@pytest.fixture
def views(place: Place) -> Views:
    """Its views: one, of bars."""
    return Views(place, ("bars_1m",))


def opened(store: Store, table: str = "bars_1m", version: int | None = None) -> DeltaTable:
    """The view, as deltalake opens it."""
    lender = store.lender(f"delta/{table}")
    return DeltaTable(lender.address, version=version, storage_options=lender.options())


def polars(store: Store, table: str = "bars_1m") -> pl.LazyFrame:
    """The view, as Polars opens it."""
    lender = store.lender(f"delta/{table}")
    return pl.scan_delta(lender.address, storage_options=lender.options())


def ordered(rows: pa.Table) -> list[dict[str, object]]:
    """Rows without the columns that only a view has, by symbol and time."""
    own = rows.drop_columns([name for name in ("date", "condition") if name in rows.column_names])
    return own.sort_by([("symbol", "ascending"), ("ts", "ascending")]).to_pylist()


def loaded(store: Store, first: dt.date = D1, last: dt.date = D3) -> list[dict[str, object]]:
    """What `load` gives of a range, holes and all conditions accepted."""
    return ordered(load("bars_1m", first, last, root=store.name, allow=EVERY))


def assert_equal(store: Store) -> None:
    """Each reader of Delta tables gets what `load` gives, no row more or less."""
    wanted = loaded(store)
    table = opened(store)
    assert ordered(table.to_pyarrow_table()) == wanted
    assert ordered(polars(store).collect().to_arrow()) == wanted
    assert len(table.to_pandas()) == len(wanted)


def closes(store: Store, version: int | None = None) -> list[float]:
    """The closes that a version of the view has, each once."""
    return sorted(set(opened(store, version=version).to_pandas()["close"]))


def test_a_view_is_what_load_gives(store: Store, views: Views, tmp_path: Path) -> None:
    """Of two symbols, with a hole between the dates; pandas, Polars and Arrow read it."""
    both = {"BTCUSDT": "available", "ETHUSDT": "available"}
    publish(kit.draft(tmp_path / "a", D1, states=both), store)
    publish(kit.draft(tmp_path / "b", D3, states=both, price=103.0), store)

    views.follow()

    assert_equal(store)
    assert polars(store).filter(pl.col("date") == D3).collect().height == 2880
    assert views.behind() == []


def test_no_row_of_it_is_a_copy_in_a_folder(tmp_path: Path) -> None:
    """The files of the view are links into the revisions, that hold when the store is moved."""
    place = tmp_path / "snapshots"
    publish(kit.draft(tmp_path / "a"), open_store(place))
    Views(place, ("bars_1m",)).follow()

    moved = place.rename(tmp_path / "moved")

    [link] = moved.glob("delta/bars_1m/*/*/*.parquet")
    assert link.is_symlink()
    assert link.resolve() == moved / ".revisions/2025-01-02.r1/bars_1m.parquet"
    assert_equal(open_store(moved))


def test_a_correction_is_the_next_version(store: Store, views: Views, tmp_path: Path) -> None:
    """The older version shows r1 as before."""
    publish(kit.draft(tmp_path / "a"), store)
    views.follow()
    publish(kit.draft(tmp_path / "b", price=101.0), store)
    assert views.behind() == ["bars_1m"]

    views.follow()

    assert_equal(store)
    assert (closes(store), closes(store, version=0)) == ([101.0], [100.0])


def test_a_rollback_is_one_too(store: Store, views: Views, tmp_path: Path) -> None:
    """And shows what readers get since."""
    publish(kit.draft(tmp_path / "a"), store)
    publish(kit.draft(tmp_path / "b", price=101.0), store)
    views.follow()
    rollback(store, D1, 1, "wrong export")

    views.follow()

    assert_equal(store)
    assert closes(store) == [100.0]


def test_what_was_collected_is_not_kept_for_it(store: Store, views: Views, tmp_path: Path) -> None:
    """The newest version is as before; nothing of the revision is left, also not in a bucket."""
    publish(kit.draft(tmp_path / "a"), store)
    views.follow()
    publish(kit.draft(tmp_path / "b", price=101.0), store)
    views.follow()
    collect.collect(store, Policy(keep=1, grace_days=0), dt.datetime.now(dt.UTC))

    views.follow(tidy=True)

    assert_equal(store)
    lent = [name for name in store.lender("delta/bars_1m").names() if name.endswith("parquet")]
    assert lent == ["date=2025-01-02/condition=available/r2.parquet"]


def test_conditions_stand_beside_the_rows(store: Store, views: Views, tmp_path: Path) -> None:
    """What `load` gives by default is what is left of the dates whose condition is available."""
    publish(kit.draft(tmp_path / "a", D1), store)
    publish(kit.draft(tmp_path / "b", D2, states={"BTCUSDT": "degraded"}, price=50.0), store)

    views.follow()

    assert_equal(store)
    good = polars(store).filter(pl.col("condition") == "available").collect()
    assert ordered(good.to_arrow()) == ordered(load("bars_1m", D1, D1, root=store.name))
    told = polars(store).select("date", "condition").unique().sort("date").collect().rows()
    assert told == [(D1, "available"), (D2, "degraded")]


def test_columns_of_a_later_release_are_the_last(
    store: Store, views: Views, tmp_path: Path
) -> None:
    """Null on days without them, in each order in which days come."""
    publish(kit.draft(tmp_path / "b", D2, lacking=("proven", "basis_bps")), store)
    views.follow()
    publish(kit.draft(tmp_path / "c", D3), store)
    views.follow()
    publish(kit.draft(tmp_path / "a", D1, lacking=("proven",)), store)

    views.follow()

    assert_equal(store)
    assert [it.name for it in opened(store).schema().fields][-2:] == ["basis_bps", "proven"]


def test_a_table_that_no_date_has_is_empty(store: Store, place: Place, tmp_path: Path) -> None:
    """And not behind; the tables beside it are as they should be."""
    views = Views(place, ("footprint", "macro_slow"))
    publish(kit.draft(tmp_path / "a"), store)

    views.follow()

    assert views.behind() == []
    assert opened(store, "footprint").to_pandas().empty
    assert opened(store, "macro_slow").to_pandas()["ema_20"].tolist() == [1.0]


def test_nothing_new_makes_no_version(store: Store, views: Views, tmp_path: Path) -> None:
    """Nor a process, as the view says itself of what it is."""
    publish(kit.draft(tmp_path / "a"), store)
    views.follow()

    views.follow()
    views.follow(tidy=True)
    assert views.rebuild() == []

    assert opened(store).version() == 0


def test_an_old_store_is_taken_in_as_a_whole(store: Store, views: Views, tmp_path: Path) -> None:
    """Thirty days and a correction, at once, in one version."""
    days = [D1 + dt.timedelta(days=i) for i in range(30)]
    for day in days:
        publish(kit.draft(tmp_path / str(day), day, price=100.0 + day.day), store)
    publish(kit.draft(tmp_path / "again", days[7], price=99.0), store)

    views.follow()

    assert opened(store).version() == 0
    found = ordered(opened(store).to_pyarrow_table())
    assert len(found) == 30 * 1440
    assert found == loaded(store, days[0], days[-1])


def ours(store: Store) -> set[str]:
    """The names of the log's files."""
    names = store.lender("delta/bars_1m").names()
    return {f"delta/bars_1m/{name}" for name in names if name.startswith("_delta_log/")}


def gone(store: Store) -> None:
    """Somebody deletes the log."""
    for name in ours(store):
        store.remove(name)


def torn(store: Store) -> None:
    """Its newest commit is no JSON."""
    store.write(max(ours(store)), b'{"add": {"path": "da')


def holed(store: Store) -> None:
    """Its first commit is not there."""
    store.remove(f"{LOG}/{0:020}.json")


def foreign(store: Store) -> None:
    """Another table stands there."""
    gone(store)
    lender = store.lender("delta/bars_1m")
    rows = pa.table({"date": ["x"], "close": [1.0]})
    write_deltalake(lender.address, rows, storage_options=lender.options())


def deleted(store: Store) -> None:
    """Somebody deletes rows of it, which writes a file in the place of one of ours."""
    opened(store).delete("close > 100.5 and symbol = 'BTCUSDT'")


def compacted(store: Store) -> None:
    """Somebody optimises it."""
    opened(store).optimize.compact()


def vacuumed(store: Store) -> None:
    """Somebody vacuums all of its past away."""
    opened(store).vacuum(0, dry_run=False, enforce_retention_duration=False)


def unlent(store: Store) -> None:
    """A file of it is gone."""
    lender = store.lender("delta/bars_1m")
    lender.remove(next(name for name in lender.names() if name.endswith(".parquet")))


def spoiled(store: Store) -> None:
    """Its checkpoint, from which it is read, is none."""
    opened(store).create_checkpoint()
    [checkpoint] = [name for name in ours(store) if name.endswith(".checkpoint.parquet")]
    store.write(checkpoint, b"no Parquet")


DAMAGE = [gone, torn, holed, spoiled, foreign, deleted, compacted, vacuumed, unlent]


@pytest.fixture(params=DAMAGE, ids=lambda damage: damage.__name__)
def damaged(
    request: pytest.FixtureRequest, store: Store, views: Views, tmp_path: Path
) -> Iterator[None]:
    """A view of two versions that something happened to; no revision is touched by it."""
    publish(kit.draft(tmp_path / "a", D1), store)
    views.follow()
    publish(kit.draft(tmp_path / "b", D1, price=101.0), store)
    publish(kit.draft(tmp_path / "c", D2), store)
    views.follow()
    before = loaded(store, D1, D2)

    request.param(store)

    yield
    assert loaded(store, D1, D2) == before
    for number in (1, 2):
        with store.anew(D1, number) as folder:
            assert folder is not None
            assert (folder / "bars_1m.parquet").is_file()


@pytest.mark.usefixtures("damaged")
def test_the_command_makes_a_damaged_view_anew(store: Store, views: Views) -> None:
    """Whatever happened to it."""
    assert views.rebuild() == []

    assert_equal(store)


@pytest.mark.usefixtures("damaged")
def test_the_next_publication_mends_it(store: Store, views: Views, tmp_path: Path) -> None:
    """Without being asked."""
    publish(kit.draft(tmp_path / "d", D3), store)

    views.follow()

    assert_equal(store)


def test_many_publishers_at_once(store: Store, views: Views, tmp_path: Path) -> None:
    """Each makes its own date known; the versions are in the order of the commits, and none is lost."""
    days = [D1 + dt.timedelta(days=i) for i in range(8)]
    drafts = [kit.draft(tmp_path / str(day), day) for day in days]

    def one(number: int) -> None:
        publish(drafts[number], store)
        views.follow()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(one, range(len(days))))

    assert views.behind() == []
    found = ordered(opened(store).to_pyarrow_table())
    assert found == loaded(store, days[0], days[-1])
    seen = [
        set(opened(store, version=v).to_pandas()["date"]) for v in range(opened(store).version())
    ]
    assert all(earlier <= later for earlier, later in pairwise(seen))


def test_a_killed_writer_leaves_a_whole_version(store: Store, place: Place, tmp_path: Path) -> None:
    """At whichever moment: the version before, or the one that it made. The next one goes on."""
    views = Views(place, ("bars_1m",))
    order = json.dumps(
        {
            "store": store.name,
            "tables": ["bars_1m"],
            "anew": False,
            **({} if isinstance(place, Path) else {"endpoint": place.server.endpoint}),
        }
    )
    command = [sys.executable, "-P", "-m", "pipeline.publishing.delta_log", order]
    started = time.monotonic()
    subprocess.run(command, check=True)
    whole = time.monotonic() - started

    for step in range(10):
        day = D1 + dt.timedelta(days=step % 3)
        publish(kit.draft(tmp_path / str(step), day, price=100.0 + step), store)
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
            time.sleep(whole * (0.3 + 0.08 * step))
            process.kill()
        frame = opened(store).to_pandas()
        assert len(frame) == 1440 * frame["date"].nunique()
    views.follow()

    assert views.behind() == []
    assert_equal(store)


def test_a_view_that_cannot_be_made_fails_no_publication(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is a warning, which names the table and what mends it; asked for by name it is an error's text."""
    place = tmp_path / "snapshots"
    publish(kit.draft(tmp_path / "a"), open_store(place))
    (place / "delta").write_text("somebody's\n")
    views = Views(place, ("bars_1m",))

    views.follow()

    assert "the Delta view of bars_1m is behind the store: " in caplog.text
    assert "what is published is whole" in caplog.text
    [fault] = views.rebuild()
    assert "`kitchen index`" in fault
    assert views.behind() == ["bars_1m"]


def test_a_store_that_is_away_is_a_warning_too(
    endpoint: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Within its patience."""
    nobody = object_server.address(f"http://127.0.0.1:{object_server.free_port()}", 1)

    Views(nobody, ("bars_1m",)).follow()

    assert "the store gave no good answer" in caplog.text


def test_no_credential_is_in_a_view(endpoint: str, tmp_path: Path) -> None:
    """Nor in what its process is called with."""
    place = object_server.address(endpoint)
    publish(kit.draft(tmp_path / "a"), open_store(place))
    Views(place, ("bars_1m",)).follow()

    secret = object_server.ENVIRONMENT["AWS_SECRET_ACCESS_KEY"].encode()

    assert not any(secret in data for data in object_server.contents(place).values())


def test_readers_of_the_folder_see_no_difference(tmp_path: Path) -> None:
    """No glob for tables finds it."""
    place = tmp_path / "snapshots"
    publish(kit.draft(tmp_path / "a"), open_store(place))
    patterns = ("2*/bars_1m.parquet", "*/bars_1m.parquet", "**/bars_1m.parquet")
    before = [sorted(place.glob(pattern)) for pattern in patterns]

    Views(place, ("bars_1m",)).follow()

    assert [sorted(place.glob(pattern)) for pattern in patterns] == before
    assert open_store(place).days() == open_store(place).published_days() == [D1]


def test_the_copy_of_a_store_makes_its_own_view(tmp_path: Path) -> None:
    """A plain copy of the folder takes the view with it."""
    place = tmp_path / "snapshots"
    publish(kit.draft(tmp_path / "a"), open_store(place))
    Views(place, ("bars_1m",)).follow()

    shutil.copytree(place, tmp_path / "copy", symlinks=True)

    assert_equal(open_store(tmp_path / "copy"))
