"""Opening raw files: stability, archives that are not what they say, checksums."""

from __future__ import annotations

import errno
import gzip
import hashlib
import io
import os
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from kit.adapter_suite import drop
from pipeline.errors import SourceError, UnstableInputError
from pipeline.model.limits import Limits
from pipeline.model.raw_names import RawPath
from pipeline.sources.rawfile import RATIO_FREE_BYTES, open_raw

TEXT = b"".join(b"line %d of a file that is long enough to be cut\n" % i for i in range(500))


def zstandard(text: bytes) -> bytes:
    """The text as Zstandard."""
    packed: bytes = pa.compress(text, codec="zstd", asbytes=True)
    return packed


def text_of(file: RawPath) -> bytes:
    """The whole decompressed text, and the file sealed."""
    with open_raw(file) as raw:
        text = b"".join(raw.blocks())
        raw.seal()
    return text


def zipped(*members: tuple[str, bytes], mode: int = 0, flags: int = 0) -> bytes:
    """A zip of such members."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            member = zipfile.ZipInfo(name)
            member.external_attr = mode << 16
            member.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(member, data)
    data = bytearray(target.getvalue())
    if flags:
        data[data.index(b"PK\1\2") + 8] |= flags
        data[6] |= flags
    return bytes(data)


def test_a_plain_file_is_hashed_as_it_is_read(tmp_path: Path) -> None:
    """Length, digest and figures are those of the bytes on disk."""
    file = drop(tmp_path, "a/b.jsonl", TEXT)
    with open_raw(file) as raw:
        text = b"".join(raw.blocks())
        sealed = raw.seal()
    found = file.path.stat()

    assert text == TEXT
    assert (sealed.bytes, sealed.sha256) == (len(TEXT), hashlib.sha256(TEXT).hexdigest())
    assert sealed.stats == [found.st_size, found.st_mtime_ns, found.st_ino, found.st_ctime_ns]


def test_what_nobody_parsed_is_hashed_all_the_same(tmp_path: Path) -> None:
    """The digest is of the file, not of the part that was looked at."""
    file = drop(tmp_path, "b.jsonl", TEXT)
    with open_raw(file) as raw:
        sealed = raw.seal()

    assert sealed.sha256 == hashlib.sha256(TEXT).hexdigest()


def append(path: Path) -> None:
    """The file grows."""
    with open(path, "ab") as handle:
        handle.write(b"more\n")


def replace(path: Path) -> None:
    """Another file takes its place."""
    other = path.with_name("other")
    other.write_bytes(TEXT)
    os.replace(other, path)


def rewrite(path: Path) -> None:
    """Other bytes of the same length."""
    path.write_bytes(TEXT[::-1])


@pytest.mark.parametrize(
    "change", [append, replace, rewrite, lambda p: os.truncate(p, 10), lambda p: p.unlink()]
)
@pytest.mark.parametrize("name", ["b.jsonl", "b.jsonl.gz", "b.jsonl.zst", "b.zip"])
def test_a_file_that_changes_meanwhile_is_pending(
    tmp_path: Path, change: Callable[[Path], None], name: str
) -> None:
    """Whatever happened to it, nothing of it is used."""
    pack = {".gz": gzip.compress, ".zst": zstandard, ".zip": lambda text: zipped(("b.csv", text))}
    file = drop(tmp_path, name, pack.get(Path(name).suffix, bytes)(TEXT))

    with open_raw(file) as raw:
        assert raw.head
        change(file.path)
        with pytest.raises(UnstableInputError):
            raw.seal()


def test_a_folder_that_is_exchanged_meanwhile_is_pending(tmp_path: Path) -> None:
    """The open file is untouched, and no longer the one of that name."""
    for name in ("one", "two"):
        drop(tmp_path / name, "b.jsonl", TEXT)
    link = tmp_path / "raw" / "atas"
    link.parent.mkdir()
    link.symlink_to(tmp_path / "one")
    with open_raw(RawPath(link / "b.jsonl", "atas/b.jsonl", 0)) as raw:
        assert raw.head
        link.unlink()
        link.symlink_to(tmp_path / "two")
        with pytest.raises(UnstableInputError):
            raw.seal()


def test_a_file_that_vanished_is_pending(tmp_path: Path) -> None:
    """It may come back."""
    with (
        pytest.raises(UnstableInputError, match="No such file"),
        open_raw(RawPath(tmp_path / "gone", "gone", 0)),
    ):
        pass


def make_fifo(path: Path, root: Path) -> None:
    """Opening it for reading would wait for ever."""
    os.mkfifo(path)


def make_folder(path: Path, root: Path) -> None:
    """A folder of the name."""
    path.mkdir()


def make_device(path: Path, root: Path) -> None:
    """A link to a device, which is also out of the raw folder."""
    path.symlink_to("/dev/zero")


def make_foreign_link(path: Path, root: Path) -> None:
    """A link to a good file elsewhere."""
    (root.parent / "elsewhere").write_bytes(TEXT)
    path.symlink_to(root.parent / "elsewhere")


def make_loop(path: Path, root: Path) -> None:
    """A link to itself."""
    path.symlink_to(path)


@pytest.mark.parametrize(
    "make", [make_fifo, make_folder, make_device, make_foreign_link, make_loop]
)
def test_what_is_no_file_of_the_raw_folder_is_refused(
    tmp_path: Path, make: Callable[[Path, Path], None]
) -> None:
    """At once, in a sentence."""
    root = tmp_path / "raw"
    (root / "atas").mkdir(parents=True)
    file = RawPath(root / "atas/b.jsonl", "atas/b.jsonl", 0)
    make(file.path, root)

    with pytest.raises(SourceError, match=r"^atas/b.jsonl: "), open_raw(file):
        pass


def test_links_inside_the_raw_folder_and_linked_folders_are_read(tmp_path: Path) -> None:
    """The user may arrange the folder as they like."""
    elsewhere = tmp_path / "disk"
    drop(elsewhere, "real.jsonl", TEXT)
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw/atas").symlink_to(elsewhere)
    drop(tmp_path / "raw", "one.jsonl", TEXT)
    (tmp_path / "raw/two.jsonl").symlink_to("one.jsonl")

    for name in ("atas/real.jsonl", "two.jsonl"):
        assert text_of(RawPath(tmp_path / "raw" / name, name, 0)) == TEXT


def packed(method: int, name: str = "a.csv") -> bytes:
    """A zip of one member under another method."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        archive.writestr(name, TEXT)
    return target.getvalue()


REASONS = ("files in the archive", "leads out", "a link", "no .csv", "password", "packed by")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (zipped(), "0 files in the archive"),
        (zipped(("a.csv", TEXT), ("b.csv", TEXT)), "2 files in the archive"),
        (zipped(("../a.csv", TEXT)), "leads out"),
        (zipped(("x/../a.csv", TEXT)), "leads out"),
        (zipped(("/a.csv", TEXT)), "leads out"),
        (zipped(("x\\a.csv", TEXT)), "leads out"),
        (zipped(("C:a.csv", TEXT)), "leads out"),
        (zipped(("a.exe", TEXT)), "no .csv"),
        (zipped(("a.csv/", b"")), "0 files in the archive"),
        (zipped(("__MACOSX/a.csv", TEXT)), "0 files in the archive"),
        (zipped(("a.csv", b"/etc/passwd"), mode=stat.S_IFLNK | 0o777), "a link"),
        (zipped(("a.csv", TEXT), flags=1), "password"),
        (packed(zipfile.ZIP_BZIP2), "packed by the method bzip2"),
        (packed(zipfile.ZIP_LZMA), "packed by the method lzma"),
        (packed(zipfile.ZIP_BZIP2, "x/a.csv"), "packed by the method bzip2"),
        (zipped(("a.csv", TEXT)).replace(b"a.csv", b"b.csv", 1), "not a whole archive"),
        (b"not a zip", "not a whole archive"),
        (b"", "not a whole archive"),
    ],
)
def test_an_odd_zip_is_refused_for_one_reason(tmp_path: Path, data: bytes, reason: str) -> None:
    """One plain CSV or nothing; nothing is written anywhere, and only the very reason is told."""
    file = drop(tmp_path, "a.zip", data)

    with pytest.raises(SourceError) as refused:
        text_of(file)
    assert reason in str(refused.value)
    assert sum(word in str(refused.value) for word in REASONS) <= 1
    assert [path.name for path in tmp_path.iterdir()] == ["a.zip"]


@pytest.mark.parametrize(
    "beside",
    [
        (),
        (("__MACOSX/._a.csv", b"\0\5\x16\7"),),
        (("__MACOSX/x/._a.csv", b"\0\5\x16\7"), ("x/", b""), ("x/.DS_Store", b"\0")),
        (("._a.csv", b"\0\5\x16\7"), ("Thumbs.db", b"\0")),
    ],
)
@pytest.mark.parametrize("member", ["a.csv", "x/a.csv", "x/y/a.CSV"])
def test_what_packing_programs_add_does_not_count(
    tmp_path: Path, member: str, beside: tuple[tuple[str, bytes], ...]
) -> None:
    """Resource forks and folders beside the one CSV, wherever it lies, before it or after."""
    for members in ((*beside, (member, TEXT)), ((member, TEXT), *beside)):
        assert text_of(drop(tmp_path, "a.zip", zipped(*members))) == TEXT


@pytest.mark.parametrize(
    ("name", "pack"),
    [("a.csv.gz", gzip.compress), ("a.zip", lambda text: zipped(("a.csv", text)))],
)
def test_a_cut_or_flipped_archive_is_refused(
    tmp_path: Path, name: str, pack: Callable[[bytes], bytes]
) -> None:
    """At each of many places; what does read has the very text."""
    whole = pack(TEXT)
    cuts = [whole[:size] for size in range(1, len(whole), len(whole) // 25)]
    flips = [
        whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1 :]
        for at in range(0, len(whole), len(whole) // 25)
    ]

    for data in cuts:
        with pytest.raises(SourceError):
            text_of(drop(tmp_path, name, data))
    for data in flips:
        try:
            assert text_of(drop(tmp_path, name, data)) == TEXT
        except SourceError:
            continue


def test_a_cut_zstandard_file_is_refused(tmp_path: Path) -> None:
    """At each of many places, and where something else follows; it need not carry a checksum."""
    whole = zstandard(TEXT)
    cuts = [whole[:size] for size in range(1, len(whole), len(whole) // 25)]

    for data in (*cuts, whole + b"junk", b"not Zstandard"):
        with pytest.raises(SourceError, match="not a whole archive"):
            text_of(drop(tmp_path, "a.jsonl.zst", data))


def test_a_disk_that_fails_is_no_broken_archive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file may be read another time, whatever it is packed with."""

    def fails(*_: object) -> int:
        raise OSError(errno.EIO, "Input/output error")

    for name, data in (("a.jsonl.zst", zstandard(TEXT)), ("a.jsonl.gz", gzip.compress(TEXT))):
        file = drop(tmp_path, name, data)
        with monkeypatch.context() as patch, open_raw(file) as raw:
            patch.setattr("pipeline.sources.rawfile.os.preadv", fails)
            with pytest.raises(UnstableInputError, match="Input/output error"):
                assert raw.head


def test_an_archive_of_several_members_is_one_text(tmp_path: Path) -> None:
    """As `cat a.gz b.gz` makes them."""
    for name, pack in (("a.jsonl.gz", gzip.compress), ("a.jsonl.zst", zstandard)):
        assert text_of(drop(tmp_path, name, pack(TEXT) + pack(TEXT))) == TEXT + TEXT


@pytest.mark.parametrize("name", ["a.jsonl.gz", "a.jsonl.zst", "a.zip"])
def test_a_bomb_is_refused(tmp_path: Path, name: str) -> None:
    """A thousand times its size is no export."""
    zeros = bytes(RATIO_FREE_BYTES + (4 << 20))
    pack = {".gz": gzip.compress, ".zst": zstandard, ".zip": lambda text: zipped(("a.csv", text))}
    data = pack[Path(name).suffix](zeros)

    with pytest.raises(SourceError, match="times the file"):
        text_of(drop(tmp_path, name, data))


@pytest.mark.parametrize(
    ("limits", "name"),
    [
        (Limits(text_bytes=1000), "a.jsonl"),
        (Limits(text_bytes=1000), "a.jsonl.gz"),
        (Limits(text_ratio=2, text_bytes=20_000), "a.jsonl.gz"),
        (Limits(zip_bytes=100), "a.zip"),
    ],
)
def test_the_limits_are_those_of_the_configuration(
    tmp_path: Path, limits: Limits, name: str
) -> None:
    """Text, ratio and the size of a zip; the reason names the limit's place."""
    data = {"a.jsonl": TEXT, "a.zip": zipped(("a.csv", TEXT))}.get(name, gzip.compress(TEXT))
    file = drop(tmp_path, name, data)

    with pytest.raises(SourceError, match="limits"), open_raw(file, limits) as raw:
        list(raw.blocks())


def test_an_archive_whose_members_overlap_is_refused(tmp_path: Path) -> None:
    """Two names for the same bytes, as in bombs that need no nesting."""
    data = bytearray(zipped(("a.csv", TEXT), ("b.csv", TEXT)))
    second = data.rindex(b"PK\1\2")
    data[second + 42 : second + 46] = bytes(4)

    with pytest.raises(SourceError, match="2 files in the archive"):
        text_of(drop(tmp_path, "a.zip", bytes(data)))


@pytest.mark.parametrize(
    ("line", "state"),
    [
        ("{sha}  a.zip\n", "ok"),
        ("{SHA} *a.zip", "ok"),
        (None, "missing"),
        ("{sha}  b.zip\n", "is for 'b.zip'"),
        ("{zeros}  a.zip\n", "file says 000"),
        ("nonsense", "is not `sha256  name`"),
        ("", "is not `sha256  name`"),
    ],
)
def test_the_checksum_beside_it(tmp_path: Path, line: str | None, state: str) -> None:
    """Right, missing, or wrong in words."""
    data = zipped(("a.csv", TEXT))
    file = drop(tmp_path, "a.zip", data)
    sha = hashlib.sha256(data).hexdigest()
    if line is not None:
        text = line.format(sha=sha, SHA=sha.upper(), zeros="0" * 64)
        drop(tmp_path, "a.zip.CHECKSUM", text.encode())
    with open_raw(file) as raw:
        found = raw.seal().checksum

    assert found == state or (len(state) > 7 and state in found)
