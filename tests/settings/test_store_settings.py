"""Where snapshots are said to lie: a folder, or an address without a secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from kit.support import write_config
from pipeline.errors import ConfigError
from pipeline.settings import config
from pipeline.settings.config import Kitchen
from pipeline.settings.stores import Address, Server


def kitchen(root: Path, snapshots: str, extra: str = "") -> Kitchen:
    """A configuration with this store."""
    path = write_config(root, extra=extra)
    text = path.read_text().replace("snapshots: snapshots", f"snapshots: {snapshots}")
    path.write_text(text)
    config._load.cache_clear()
    return config._load(path)


def test_an_address_and_its_server(tmp_path: Path) -> None:
    """Every part of it; slashes at the ends mean nothing."""
    section = (
        "store: {endpoint: 'https://s3.example.org', region: eu-west-1, patience_seconds: 9}\n"
    )

    found = kitchen(tmp_path, "'s3://my-bucket/a/b/'", section).snapshots

    server = Server(endpoint="https://s3.example.org", region="eu-west-1", patience_seconds=9)
    assert found == Address(bucket="my-bucket", prefix="a/b", server=server)
    assert str(found) == "s3://my-bucket/a/b"


def test_a_bucket_may_be_all_of_the_store(tmp_path: Path) -> None:
    """With the server that the environment names."""
    assert kitchen(tmp_path, "'s3://my-bucket'").snapshots == Address(bucket="my-bucket")


def test_a_folder_is_a_folder(tmp_path: Path) -> None:
    """Whatever the section says."""
    assert kitchen(tmp_path, "elsewhere").snapshots == tmp_path / "elsewhere"


@pytest.mark.parametrize(
    "text",
    [
        "s3://",
        "s3://Bucket/x",
        "s3://b/x",
        "s3://my-bucket/../x",
        "s3://my-bucket//x",
        "s3://my-bucket/a b",
        "gs://my-bucket/x",
        "https://my-bucket.s3.amazonaws.com/x",
        "s3://AKIAKEY:TOPSECRET@my-bucket/x",
    ],
)
def test_what_is_no_address_is_refused_in_one_sentence(tmp_path: Path, text: str) -> None:
    """With the form that is wanted, and without what may be a password."""
    with pytest.raises(ConfigError) as told:
        kitchen(tmp_path, f"'{text}'")

    assert "paths.snapshots: got" in str(told.value)
    assert "wanted a folder or s3://BUCKET/PREFIX" in str(told.value)
    assert "TOPSECRET" not in str(told.value)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("s3://x/y", "a bucket's name of 3 to 63 small letters, digits, - and ."),
        ("s3://my-bucket/a b", "a prefix of plain letters, digits, - and _"),
    ],
)
def test_the_part_that_is_wrong_is_named(tmp_path: Path, text: str, wanted: str) -> None:
    """Bucket or prefix."""
    with pytest.raises(ConfigError) as told:
        kitchen(tmp_path, f"'{text}'")

    assert f"s3://BUCKET/PREFIX with {wanted};" in str(told.value)


@pytest.mark.parametrize(
    "section",
    [
        "{access_key: TOPSECRET}",
        "{endpoint: 'https://key:TOPSECRET@s3.example.org'}",
        "{endpoint: 's3.example.org'}",
        "{region: 'eu west'}",
        "{patience_seconds: 0}",
    ],
)
def test_a_wrong_section_is_refused(tmp_path: Path, section: str) -> None:
    """Most of all one with a credential in it."""
    with pytest.raises(ConfigError, match=r"store\."):
        kitchen(tmp_path, "'s3://my-bucket/x'", f"store: {section}\n")


def test_a_named_store_has_the_configured_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `load(root=)` and `kitchen copy` take it; without a configuration, what the environment says."""
    path = write_config(tmp_path, extra="store: {endpoint: 'http://127.0.0.1:9000'}\n")
    monkeypatch.setenv("KITCHEN_CONFIG", str(path))

    with_one = config.store_place("s3://my-bucket/x")

    assert with_one == Address(
        bucket="my-bucket", prefix="x", server=Server(endpoint="http://127.0.0.1:9000")
    )
    assert config.store_place("some/folder") == Path("some/folder")
