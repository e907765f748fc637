"""Holding what is published against what it promises. Nothing is ever deleted or changed here."""

from __future__ import annotations

import datetime as dt
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from pipeline import storage
from pipeline.contracts.manifest import FileEntry, Manifest, read_published
from pipeline.errors import ContractError, PublishError, SnapshotCorruptError
from pipeline.free_form import Json
from pipeline.publishing import index, ranges, revisions, signing, sums
from pipeline.publishing.store import Store
from pipeline.publishing.sums import Facts

_OWN = (sums.MANIFEST, sums.PUBLICATION, *sums.LISTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong: in which date and revision, at which file or link, and what."""

    day: dt.date
    revision: int | None
    file: str
    what: str

    def __str__(self) -> str:
        name = f"{self.day}{'' if self.revision is None else f'.r{self.revision}'}"
        itself = self.file in (name, self.day.isoformat())
        return f"{name}: {self.what}" if itself else f"{name}: {self.file}: {self.what}"


def verify(
    store: Store,
    day: dt.date,
    revision: int | None = None,
    trusted: Sequence[Ed25519PublicKey] | None = None,
) -> list[Finding]:
    """Everything wrong with a revision; empty when it is good.

    Args:
        store: Where it lies.
        day: Its date.
        revision: Its number; None means the one that readers get, and the links are judged as well.
        trusted: The keys of which one must have signed; None means that signatures are not asked for.
    """
    findings: list[tuple[str, str]] = []
    if revision is None:
        revision, findings = _linked(store, day)
    if revision is not None:
        findings += _folder(store, day, revision, trusted)
    return [Finding(day=day, revision=revision, file=f, what=w) for f, w in findings]


def verify_day(
    store: Store, day: dt.date, trusted: Sequence[Ed25519PublicKey] | None = None
) -> list[Finding]:
    """Everything wrong with any of a date's revisions, and with its links."""
    findings = verify(store, day, None, trusted)
    linked = findings[0].revision if findings else store.named_revision(day)
    for number in store.standing(day):
        if number != linked:
            findings += verify(store, day, number, trusted)
    return findings


def _linked(store: Store, day: dt.date) -> tuple[int | None, list[tuple[str, str]]]:
    """The number that readers get, and what is wrong with what leads them there."""
    try:
        number = store.named_revision(day)
    except PublishError as error:
        return None, [(day.isoformat(), str(error))]
    if number is None:
        return None, [(day.isoformat(), "no such link: the date is not published")]
    return number, [*store.faults(day), *_indexed(store, day, number)]


def _indexed(store: Store, day: dt.date, number: int) -> Iterator[tuple[str, str]]:
    """The index knows the newest revision of each date, also one that somebody took away since."""
    said = index.of(store, day)
    sealed = revisions.find(store, day, number)
    if said is None or sealed is None:
        if sealed is not None:
            yield index.FILE, "does not have this date; run `kitchen index`"
    elif said.revision != number:
        yield (
            index.FILE,
            f"has r{said.revision}, the date's link names r{number}: rolled back by hand, or the"
            " index is behind",
        )
    else:
        with suppress(ContractError):  # which is told of the manifest itself
            if said != index.entry(sealed):
                yield index.FILE, "does not say what the revision says; run `kitchen index`"


def _folder(
    store: Store, day: dt.date, number: int, trusted: Sequence[Ed25519PublicKey] | None
) -> list[tuple[str, str]]:
    name = store.revision(day, number).name
    with store.anew(day, number) as path:
        if path is None:
            return [(name, "is not a folder of its own; the revision is not there")]
        findings = [*in_folder(path, day, number), *_signature(path, trusted)]
        publication = storage.read_object(path / sums.PUBLICATION)
    findings += _descent(store, day, number, publication)
    return sorted(findings, key=_data_first)


def in_folder(path: Path, day: dt.date, number: int) -> list[tuple[str, str]]:
    """What is wrong with a revision by its own papers: each file, and in words."""
    found, findings = _walk(path)
    publication = storage.read_object(path / sums.PUBLICATION)
    manifest = _manifest_in(path / sums.MANIFEST)
    findings += _publication(path, day, number, publication)
    findings += _manifest(day, found, publication, manifest)
    findings += _parts(path, publication)
    if isinstance(manifest, Manifest):
        findings += _files(found, manifest.files)
        findings += _lists(path, found, publication, manifest.files)
    return sorted(findings, key=_data_first)


def _data_first(finding: tuple[str, str]) -> tuple[bool, str, str]:
    """What is damaged comes before the papers that speak of it."""
    file, what = finding
    return file in sums.RESERVED, file, what


def _signature(path: Path, trusted: Sequence[Ed25519PublicKey] | None) -> Iterator[tuple[str, str]]:
    """Whether one of the trusted keys signed the very bytes of the publication."""
    if trusted is None:
        return
    try:
        signature = (path / sums.SIGNATURE).read_bytes()
        paper = (path / sums.PUBLICATION).read_bytes()
    except OSError:
        yield sums.SIGNATURE, "is missing, wanted the signature of a trusted key"
        return
    if signing.signer(trusted, paper, signature) is None:
        known = ", ".join(signing.fingerprint(key) for key in trusted) or "none"
        yield sums.SIGNATURE, f"is of no trusted key, or of another publication; trusted: {known}"


def _walk(path: Path) -> tuple[dict[str, Facts], list[tuple[str, str]]]:
    """Every file's facts; links, devices, empty folders and what cannot be read are findings."""
    found: dict[str, Facts] = {}
    findings: list[tuple[str, str]] = []

    def unlisted(error: OSError) -> None:
        folder = os.path.relpath(error.filename, path)
        findings.append((folder, f"cannot be listed ({error.strerror}); fix the permissions"))

    for place, folders, names in os.walk(path, onerror=unlisted):
        if not folders and not names and place != str(path):
            findings.append((os.path.relpath(place, path), "is an empty folder, wanted none"))
        for name in [*names, *folders]:
            file = Path(place, name)
            relative, mode = file.relative_to(path).as_posix(), file.lstat().st_mode
            if stat.S_ISREG(mode):
                try:
                    found[relative] = sums.facts(file)
                except OSError as error:
                    findings.append((relative, f"cannot be read ({error.strerror})"))
            elif not stat.S_ISDIR(mode):
                findings.append((relative, "is a link or device, wanted a plain file"))
    return found, findings


def _manifest_in(path: Path) -> Manifest | str:
    """The manifest in a file; or in words why there is none, for its form may be another release's."""
    value = storage.read_object(path)
    try:
        return read_published(value, "is of another form") if value else "is missing or damaged"
    except ContractError as error:
        return str(error)


def _publication(
    path: Path, day: dt.date, number: int, publication: Json
) -> Iterator[tuple[str, str]]:
    name, file = sums.PUBLICATION, path / sums.PUBLICATION
    if not _is_intact(publication) or file.read_bytes() != storage.readable_json(publication):
        yield name, "is missing or damaged"
        return
    says = publication.get("date"), publication.get("revision")
    if says != (day.isoformat(), number):
        yield name, f"is of {says[0]}.r{says[1]}: the folder is a copy of another revision"


def _is_intact(publication: Json) -> bool:
    said = publication.get(revisions.SELF_DIGEST)
    return bool(publication) and said == revisions.publication_digest(publication)


def _descent(
    store: Store, day: dt.date, number: int, publication: Json
) -> Iterator[tuple[str, str]]:
    """The parent's manifest must have the hash it had; a parent that was collected is no fault."""
    if not _is_intact(publication):
        return
    parent = publication.get("parent")
    lower = [n for n in store.numbers(day) if n < number]
    if parent is None and any(revisions.find(store, day, n) for n in lower):
        yield sums.PUBLICATION, "names no parent, but an older revision is there"
    if parent is None:
        return
    if parent >= publication["revision"]:
        yield sums.PUBLICATION, f"names r{parent} as parent, wanted an older one"
    elif parent in store.standing(day) and (
        manifest_digest(store, day, parent) != publication["parent_manifest_sha256"]
    ):
        yield (
            sums.PUBLICATION,
            f"the manifest of its parent r{parent} is not the one it was made after",
        )


def manifest_digest(store: Store, day: dt.date, number: int) -> str:
    """The SHA-256 of a manifest; empty where it cannot be read."""
    with suppress(OSError, SnapshotCorruptError):
        return storage.file_digest(store.fetch(day, number, [sums.MANIFEST]) / sums.MANIFEST)
    return ""


def _manifest(
    day: dt.date, found: dict[str, Facts], publication: Json, manifest: Manifest | str
) -> Iterator[tuple[str, str]]:
    if isinstance(manifest, str):
        yield sums.MANIFEST, manifest
        return
    if sums.MANIFEST not in found:
        yield sums.MANIFEST, "is missing or damaged"
        return
    if found[sums.MANIFEST].sha256 != publication.get("manifest_sha256"):
        yield sums.MANIFEST, "sha256 is not the one in publication.json"
    if manifest.date != day:
        yield sums.MANIFEST, f"is of {manifest.date}: a copy of another day"


def _parts(path: Path, publication: Json) -> Iterator[tuple[str, str]]:
    """Readers believe the parts; earlier releases named none."""
    said = publication.get(ranges.PARTS)
    # A manifest that cannot be read is told by itself.
    with suppress(OSError, ValueError, KeyError, TypeError):
        wrong = (
            None if said is None else ranges.wrong_part(said, (path / sums.MANIFEST).read_bytes())
        )
        if wrong is not None:
            yield sums.PUBLICATION, f"names another {wrong} than the manifest has"


def _files(found: dict[str, Facts], files: Mapping[str, FileEntry]) -> Iterator[tuple[str, str]]:
    allowed = {*files, *_OWN, sums.SIGNATURE}
    for name in sorted(set(found) - allowed):
        yield name, "is extra: no manifest names it"
    for name in sorted({*files, *_OWN} - set(found)):
        yield name, "is missing"
    for name in sorted(set(files) & set(found)):
        wrong = found[name].differs(files[name])
        if wrong is not None:
            yield name, wrong


def _lists(
    path: Path, found: dict[str, Facts], publication: Json, files: Mapping[str, FileEntry]
) -> Iterator[tuple[str, str]]:
    """The lists say what the manifest promises, whatever became of a file, which is told of that itself."""
    promised: dict[str, Facts | FileEntry] = dict(files)
    manifest = found.get(sums.MANIFEST)
    if manifest is not None and manifest.sha256 == publication.get("manifest_sha256"):
        promised[sums.MANIFEST] = manifest
    for name, digest in sums.LISTS.items():
        if name not in found:
            continue
        lines = (path / name).read_bytes().splitlines(keepends=True)
        end = f"  {sums.MANIFEST}\n".encode()
        known = [line for line in lines if sums.MANIFEST in promised or not line.endswith(end)]
        if b"".join(known) != sums.listing(promised, digest):
            yield name, "does not list what the manifest names"
