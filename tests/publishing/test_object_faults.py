"""Publishing to objects while servers, networks, clocks and other hosts do what they do."""

from __future__ import annotations

import contextlib
import datetime as dt
import multiprocessing
import tempfile
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from kit import object_faults, object_server
from kit import snapshots as kit
from kit.object_server import Answer, Door, Fault, Pass, Request, error, is_claim
from pipeline.errors import (
    ConfigError,
    ExitCode,
    KitchenError,
    PublishError,
    SnapshotCorruptError,
    SnapshotExistsError,
)
from pipeline.publishing import collect, index, pins, revisions
from pipeline.publishing.collect import Policy
from pipeline.publishing.copies import Copies
from pipeline.publishing.folder_store import FolderStore
from pipeline.publishing.object_store import ObjectStore
from pipeline.publishing.rollback import rollback
from pipeline.publishing.s3 import Objects
from pipeline.publishing.seal import publish
from pipeline.publishing.verify import verify_day
from pipeline.reader import load
from pipeline.settings.stores import Address, Server

DAY = kit.DAY
NOW = dt.datetime.now(dt.UTC)


def host(tmp_path: Path, place: Address, name: str) -> ObjectStore:
    """The store as another machine has it, without a copy or a lock of this one."""
    objects = Objects(place)
    return ObjectStore(objects, Copies(objects, FolderStore(tmp_path / "hosts" / name)))


def behind(door: str, place: Address, patience_seconds: float = 30) -> Address:
    """The same place through a door."""
    server = Server(endpoint=door, patience_seconds=patience_seconds)
    return Address(bucket=place.bucket, prefix=place.prefix, server=server)


@pytest.mark.parametrize("round_number", range(3))
def test_one_of_twenty_writers_has_the_name(endpoint: str, round_number: int) -> None:
    """And reads its own bytes."""
    objects, together = Objects(object_server.address(endpoint)), threading.Barrier(20)

    def write(number: int) -> bool:
        together.wait()
        return objects.put_if_absent("revisions/x", f"writer {number}".encode())

    with ThreadPoolExecutor(20) as pool:
        won = list(pool.map(write, range(20)))

    assert won.count(True) == 1
    assert objects.get("revisions/x") == f"writer {won.index(True)}".encode()


def test_hosts_that_publish_at_once_make_one_revision(endpoint: str, tmp_path: Path) -> None:
    """Of different contents one is published; the others are told, with 10, and take no other number."""
    place, together = object_server.address(endpoint), threading.Barrier(4)
    drafts = [kit.draft(tmp_path / f"{n}", price=100.0 + n) for n in range(4)]

    def run(number: int) -> str:
        store = host(tmp_path, place, f"{number}")
        store.prepare()
        look = store.look()
        assert look.numbers(DAY) == []
        together.wait()
        try:
            return f"r{publish(drafts[number], look).revision}"
        except SnapshotExistsError as told:
            return f"{told.exit_code:d}"

    with ThreadPoolExecutor(4) as pool:
        ended = sorted(pool.map(run, range(4)))

    assert ended == ["10", "10", "10", "r1"]
    assert verify_day(host(tmp_path, place, "reader"), DAY) == []


def test_hosts_that_publish_the_same_at_once_are_all_content(endpoint: str, tmp_path: Path) -> None:
    """There is one revision, and everybody has it."""
    place, together = object_server.address(endpoint), threading.Barrier(4)
    drafts = [kit.draft(tmp_path / f"{n}") for n in range(4)]

    def run(number: int) -> tuple[int, bool]:
        store = host(tmp_path, place, f"{number}")
        store.prepare()
        together.wait()
        sealed = publish(drafts[number], store)
        return sealed.revision, sealed.new

    with ThreadPoolExecutor(4) as pool:
        ended = sorted(pool.map(run, range(4)))

    assert ended == [(1, False)] * 3 + [(1, True)]


def test_hosts_that_publish_other_dates_lose_no_entry_of_the_index(
    endpoint: str, tmp_path: Path
) -> None:
    """Though nothing keeps them apart."""
    place, together = object_server.address(endpoint), threading.Barrier(6)
    days = [DAY + dt.timedelta(days=n) for n in range(6)]
    drafts = [kit.draft(tmp_path / f"{day}", day) for day in days]

    def run(number: int) -> None:
        store = host(tmp_path, place, f"{number}")
        store.prepare()
        together.wait()
        publish(drafts[number], store)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(run, range(6)))

    reader = host(tmp_path, place, "reader")
    assert list(index.read(reader).days) == days
    assert (reader.newest(), reader.newest(available=True)) == (days[-1], days[-1])


STEPS: dict[str, Callable[[Request], bool]] = {
    "before its first object": lambda r: r.method == "PUT" and "/objects/" in r.path,
    "before it reads back": lambda r: r.method == "GET" and "/objects/" in r.path,
    "before its claim": is_claim,
}


@pytest.mark.parametrize("step", STEPS)
def test_a_publisher_that_stood_still_never_puts_old_over_new(
    endpoint: str, tmp_path: Path, step: str
) -> None:
    """Whenever it stood still: what was published meanwhile stays the newest, and it is told."""
    place = object_server.address(endpoint)
    newer, old = kit.draft(tmp_path / "new", price=101.0), kit.draft(tmp_path / "old")
    once = threading.Lock()

    def overtaken(request: Request, go: Pass) -> Answer:
        if STEPS[step](request) and once.acquire(blocking=False):
            assert publish(newer, host(tmp_path, place, "quick")).revision == 1
        return go(request)

    with Door(endpoint, overtaken).open() as door:
        slow = host(tmp_path, behind(door, place), "slow")
        with pytest.raises(SnapshotExistsError, match="another run published") as told:
            publish(old, slow)

    assert told.value.exit_code == ExitCode.LOCKED
    assert host(tmp_path, place, "reader").numbers(DAY) == [1]


def test_a_publisher_that_stood_still_before_it_began_is_told(
    endpoint: str, tmp_path: Path
) -> None:
    """Once it has looked at the store, it follows no revision that came later."""
    place = object_server.address(endpoint)
    slow = host(tmp_path, place, "slow").look()
    assert revisions.current(slow, DAY) is None
    publish(kit.draft(tmp_path / "new", price=101.0), host(tmp_path, place, "quick"))

    with pytest.raises(SnapshotExistsError):
        publish(kit.draft(tmp_path / "old"), slow)


@dataclass
class Once:
    """A fault that strikes the first request of a kind, and no other."""

    kind: Callable[[Request], bool]
    fault: Fault
    struck: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, request: Request, go: Pass) -> Answer | None:
        """The answer."""
        with self._lock:
            strikes = self.kind(request) and not self.struck
            self.struck += strikes
        return self.fault(request, go) if strikes else go(request)


KINDS: dict[str, Callable[[Request], bool]] = {
    "list": lambda r: "list-type=2" in r.path,
    "put": lambda r: r.method == "PUT" and "/objects/" in r.path,
    "get": lambda r: r.method == "GET" and "/objects/" in r.path,
    "claim": is_claim,
    "hint": lambda r: r.method == "PUT" and r.path.endswith("LATEST.json"),
    "index": lambda r: r.method == "PUT" and r.path.endswith("index.json"),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "fault", ["500", "503", "429", "no answer, not done", "no answer, but done", "answer cut"]
)
def test_a_passing_fault_is_not_seen(endpoint: str, tmp_path: Path, kind: str, fault: str) -> None:
    """One revision, whole, and said to be new."""
    place, strike = object_server.address(endpoint), Once(KINDS[kind], object_faults.PASSING[fault])
    with Door(endpoint, strike).open() as door:
        sealed = publish(kit.draft(tmp_path / "a"), host(tmp_path, behind(door, place), "a"))

    assert strike.struck == 1
    assert (sealed.revision, sealed.new) == (1, True)
    reader = host(tmp_path, place, "reader")
    assert (reader.numbers(DAY), verify_day(reader, DAY)) == ([1], [])


def test_a_conflict_of_the_moment_is_looked_into(endpoint: str, tmp_path: Path) -> None:
    """409 is no answer: nothing stands there, so the claim is put again."""
    conflict = object_faults.PASSING["409"]
    place, strike = object_server.address(endpoint), Once(is_claim, conflict)
    with Door(endpoint, strike).open() as door:
        sealed = publish(kit.draft(tmp_path / "a"), host(tmp_path, behind(door, place), "a"))

    assert (strike.struck, sealed.revision, sealed.new) == (1, 1, True)


def _without_condition(request: Request, go: Pass) -> Answer:
    kept = {k: v for k, v in request.headers.items() if k.lower() != "if-none-match"}
    return go(Request(request.method, request.path, kept, request.body))


def _not_implemented(request: Request, go: Pass) -> Answer:
    has = any(name.lower() == "if-none-match" for name in request.headers)
    return error(501, "NotImplemented") if has else go(request)


@pytest.mark.parametrize("fault", [_without_condition, _not_implemented])
def test_a_store_that_lets_revisions_be_overwritten_is_refused(
    endpoint: str, tmp_path: Path, fault: Fault
) -> None:
    """In one sentence, before anything is published."""
    place = object_server.address(endpoint)
    with (
        Door(endpoint, fault).open() as door,
        pytest.raises(PublishError, match="ignores If-None-Match") as told,
    ):
        publish(kit.draft(tmp_path / "a"), host(tmp_path, behind(door, place), "a"))

    assert told.value.exit_code == ExitCode.FAILED
    assert object_server.contents(place) == {}


@pytest.mark.parametrize("seconds", [-60, 60])
def test_a_clock_that_is_off_is_refused(endpoint: str, tmp_path: Path, seconds: int) -> None:
    """By what the store itself says the time is."""

    def elsewhen(request: Request, go: Pass) -> Answer:
        status, headers, body = go(request)
        then = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=seconds)
        others = {k: v for k, v in headers.items() if k.lower() != "date"}
        return status, others | {"Date": f"{then:%a, %d %b %Y %H:%M:%S} GMT"}, body

    place, words = object_server.address(endpoint), "ahead of" if seconds > 0 else "behind"
    with (
        Door(endpoint, elsewhen).open() as door,
        pytest.raises(PublishError, match=rf"clock is (59|6\d) s {words} the store's"),
    ):
        publish(kit.draft(tmp_path / "a"), host(tmp_path, behind(door, place), "a"))

    assert host(tmp_path, place, "reader").days() == []


def test_an_answer_that_is_slow_is_no_clock_that_is_off(endpoint: str) -> None:
    """The store told its time before it had all of the answer."""

    def slow(request: Request, go: Pass) -> Answer:
        answer = go(request)
        time.sleep(2.5)
        return answer

    with Door(endpoint, slow).open() as door:
        objects = Objects(behind(door, object_server.address(endpoint)))
        assert list(objects.listed("a")) == []

    assert abs(objects.ahead_seconds()) < 1.1


def test_a_store_is_asked_for_as_long_as_the_patience_lasts(endpoint: str) -> None:
    """Not a number of times: it may be away for a minute, and say so at once each time."""
    door = Door(endpoint, lambda request, go: None if len(door.seen) < 8 else go(request))
    with door.open() as address:
        objects = Objects(behind(address, object_server.address(endpoint), 60))
        assert objects.put_if_absent("a", b"1")
        assert objects.get("a") == b"1"

    assert len(door.seen) > 8


def test_a_refusal_that_was_cut_is_asked_for_again(endpoint: str) -> None:
    """What is not there is said in the body, which did not come."""
    strike = Once(object_faults.is_read, object_faults.PASSING["answer cut"])
    with Door(endpoint, strike).open() as door:
        assert Objects(behind(door, object_server.address(endpoint))).get("a") is None

    assert strike.struck == 1


def _told(place: Address, tmp_path: Path) -> KitchenError:
    with pytest.raises(KitchenError) as told:
        publish(kit.draft(tmp_path / "a"), host(tmp_path, place, "a"))
    return told.value


def test_a_store_that_is_away_is_one_sentence_in_bounded_time(
    endpoint: str, tmp_path: Path
) -> None:
    """Whether nobody listens, or every answer is an error."""
    gone = Address(
        bucket="kitchen-tests",
        server=Server(endpoint=f"http://127.0.0.1:{object_server.free_port()}", patience_seconds=2),
    )
    began = time.monotonic()
    error_of_none = _told(gone, tmp_path)
    place = object_server.address(endpoint)
    with Door(endpoint, object_faults.PASSING["500"]).open() as door:
        error_of_all = _told(behind(door, place, 2), tmp_path / "2")

    assert time.monotonic() - began < 40
    for told in (error_of_none, error_of_all):
        assert told.exit_code == ExitCode.FAILED
        assert "no good answer" in str(told)
        assert "\n" not in str(told)


def test_a_store_that_was_waited_for_in_vain_is_left_alone_for_as_long(endpoint: str) -> None:
    """Thirty dates, each built in a fork, do not each wait for it; then it is asked again."""
    door = Door(endpoint, lambda request, go: None)
    with door.open() as address:
        objects = Objects(behind(address, object_server.address(endpoint), 6))
        fork = multiprocessing.get_context("fork").Process(target=_asks, args=(objects,))
        fork.start()
        fork.join()
        asked, began = len(door.seen), time.monotonic()
        for _ in range(30):
            with pytest.raises(PublishError, match="asked again in") as told:
                objects.get("a")

        assert told.value.exit_code == ExitCode.FAILED
        assert time.monotonic() - began < 2
        assert len(door.seen) == asked > 0
        door.fault = lambda request, go: go(request)
        time.sleep(6)
        assert objects.get("a") is None


def _asks(objects: Objects) -> None:
    with contextlib.suppress(PublishError):
        objects.get("a")


def test_credentials_are_never_repeated(
    endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not where they are refused, and where there are none it is said where boto3 looks."""
    place = object_server.address(endpoint)
    refused: Fault = lambda request, go: error(403, "SignatureDoesNotMatch")  # noqa: E731
    with Door(endpoint, refused).open() as door:
        told = str(_told(behind(door, place), tmp_path))
    assert "refused a request (SignatureDoesNotMatch" in told
    assert "not-a-secret" not in told

    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    server = Server(endpoint=endpoint, patience_seconds=31)
    nobody = Address(bucket=place.bucket, prefix="nobody", server=server)
    without = _told(nobody, tmp_path / "2")
    assert isinstance(without, ConfigError)
    assert "no credentials; boto3 looks for them" in str(without)


def test_a_bucket_that_is_not_there_is_named(endpoint: str, tmp_path: Path) -> None:
    """And what to do."""
    nowhere = Address(bucket="no-such-bucket", server=Server(endpoint=endpoint))

    assert "there is no such bucket; make it" in str(_told(nowhere, tmp_path))


def test_what_is_known_since_when_is_the_later_of_two_times(endpoint: str, tmp_path: Path) -> None:
    """Of a claim that was on its way for long, `as_of` says nothing before the store had it."""

    def slow(request: Request, go: Pass) -> Answer:
        if is_claim(request):
            time.sleep(2.2)
        return go(request)

    place = object_server.address(endpoint)
    with Door(endpoint, slow).open() as door:
        publish(kit.draft(tmp_path / "a"), host(tmp_path, behind(door, place), "a"))

    store = host(tmp_path, place, "b").look()
    sealed = revisions.wanted(store, DAY, 1)
    said = dt.datetime.fromisoformat(revisions.read_publication(sealed.path)["published_at"])
    assert store.known_since(DAY, 1, said) >= said + dt.timedelta(seconds=1)


def test_objects_that_nobody_claimed_are_collected_after_three_days(
    endpoint: str, tmp_path: Path
) -> None:
    """Never those of a revision, nor any of a date whose claim cannot be read."""
    place = object_server.address(endpoint)
    store = host(tmp_path, place, "a")
    publish(kit.draft(tmp_path / "a"), store)
    orphan = f"objects/{DAY}/{'0' * 32}"
    store.write(f"{orphan}/bars_1m.parquet", b"half")
    policy = Policy(keep=1, grace_days=7)

    def due(days: float) -> list[str]:
        items = collect.plan(store.look(), policy, dt.datetime.now(dt.UTC) + dt.timedelta(days))
        return [item.name for item in items if item.action == "delete"]

    assert (due(2.9), due(3.1)) == ([], [orphan])
    store.write(f"revisions/{DAY}/000002.json", b"{")
    assert due(3.1) == []
    store.remove(f"revisions/{DAY}/000002.json")
    collect.collect(store, policy, dt.datetime.now(dt.UTC) + dt.timedelta(days=4))

    assert not any("0" * 32 in name for name in object_server.contents(place))
    assert verify_day(host(tmp_path, place, "b"), DAY) == []


DAMAGE = {
    "empty": b"",
    "torn": b'{"at": "objects/2025-01-02/x", "publi',
    "no object": b"[]",
    "no text": b"\xff\xfe",
    "deep": b"[" * 100_000,
    "another place": b'{"at": "revisions/x", "publication": {}, "signature": null}',
    "no papers": b'{"at": "objects/x/y", "publication": {}, "signature": null}',
    "odd papers": b'{"at": "objects/x/y", "publication": {"manifest_sha256": 3}, "signature": null}',
    "odd signature": b'{"at": "objects/x/y", "publication": {}, "signature": "zz"}',
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_claim_that_is_damaged_is_told_and_takes_its_number(
    endpoint: str, tmp_path: Path, damage: str
) -> None:
    """Readers refuse it, `verify` names it, the next revision is a later number, and nothing is collected."""
    place = object_server.address(endpoint)
    store = host(tmp_path, place, "a")
    publish(kit.draft(tmp_path / "a"), store)
    store.write(f"revisions/{DAY}/000002.json", DAMAGE[damage])

    with pytest.raises(SnapshotCorruptError, match="its papers are missing or damaged"):
        load("bars_1m", DAY, DAY, root=str(place))
    assert [f.revision for f in verify_day(store.look(), DAY)][:1] == [2]
    assert revisions.wanted(store, DAY, None).revision == 1
    assert publish(kit.draft(tmp_path / "b", price=101.0), store).revision == 3
    items = collect.plan(store.look(), Policy(keep=1, grace_days=0), NOW)
    assert {i.name: i.action for i in items} == {
        "2025-01-02.r1": "trash",
        "2025-01-02.r2": "keep",
        "2025-01-02.r3": "keep",
    }


def test_a_machine_that_never_published_may_collect(endpoint: str, tmp_path: Path) -> None:
    """And pin, roll back and make the index: it has no copy and no lock yet."""
    place = object_server.address(endpoint)
    for number in range(2):
        publish(kit.draft(tmp_path / f"{number}", price=100.0 + number), host(tmp_path, place, "a"))

    done = collect.collect(host(tmp_path, place, "b"), Policy(keep=1, grace_days=7), NOW)
    assert [item.name for item in done] == ["2025-01-02.r1"]
    assert host(tmp_path, place, "c").restore(DAY, 1) == "2025-01-02.r1"
    assert pins.pin(host(tmp_path, place, "d"), DAY, 1, "") == "2025-01-02.r1"
    assert list(index.rebuild(host(tmp_path, place, "e")).days) == [DAY]
    assert rollback(host(tmp_path, place, "f"), DAY, 1, "no").revision == 3


def test_names_in_a_bucket_lead_nowhere_else(endpoint: str, tmp_path: Path) -> None:
    """An object whose name climbs out of its folder is written nowhere, and found."""
    place = object_server.address(endpoint)
    store = host(tmp_path, place, "a")
    publish(kit.draft(tmp_path / "a"), store)
    at = store.url(DAY, 1).removeprefix(f"{place}/")
    outside = Path(tempfile.gettempdir()) / f"kitchen-outside-{uuid.uuid4().hex}"
    object_server.client(endpoint).put_object(
        Bucket=place.bucket, Key=f"{place.prefix}/{at}/../{outside.name}", Body=b"x"
    )

    found = verify_day(store.look(), DAY)

    assert not outside.exists()
    assert [(f.file, f.what) for f in found] == [
        (f"_/{outside.name}", "is extra: no manifest names it")
    ]


def test_many_processes_may_copy_one_revision_at_once(endpoint: str, tmp_path: Path) -> None:
    """With one cache, from nothing."""
    place, together = object_server.address(endpoint), threading.Barrier(8)
    publish(kit.draft(tmp_path / "a"), host(tmp_path, place, "publisher"))
    store = host(tmp_path, place, "readers")

    def read(_: int) -> bytes:
        together.wait()
        name = "bars_1m.parquet"
        return (store.look().fetch(DAY, 1, [name]) / name).read_bytes()

    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(read, range(8)))

    assert found == {(tmp_path / "a/bars_1m.parquet").read_bytes()}


def test_a_bucket_that_was_made_anew_is_not_taken_for_the_old_one(
    endpoint: str, tmp_path: Path
) -> None:
    """Copies on this machine are of the claims that are there now."""
    place = object_server.address(endpoint)
    store = host(tmp_path, place, "a")
    publish(kit.draft(tmp_path / "a"), store)
    for name in object_server.contents(place):
        store.remove(name)
    time.sleep(1.1)
    publish(kit.draft(tmp_path / "b", price=101.0), host(tmp_path, place, "other"))

    folder = store.fetch(DAY, 1, ["bars_1m.parquet"])

    assert (folder / "bars_1m.parquet").read_bytes() == (
        tmp_path / "b/bars_1m.parquet"
    ).read_bytes()
