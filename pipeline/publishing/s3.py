"""The one door to boto3: objects below the prefix of a bucket, in the terms in which a store needs them.

Any server will do that keeps a promise: of several `PUT If-None-Match: *` of one name exactly one is taken.
No other condition is used, no ETag, and no clock for order. Credentials are found by boto3 itself.
"""

from __future__ import annotations

import datetime as dt
import email.utils
import importlib
import mmap
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from pipeline import optional
from pipeline.clock import utc_now
from pipeline.errors import ConfigError, KitchenError, PublishError
from pipeline.settings.stores import Address, Server

_TRIES = 5
_TAKEN = 412
_CONFLICT = 409
_REFUSED = (400, 401, 403)
_NOT_KNOWN = 501
_LONGEST_WAIT_SECONDS = 5.0

_one_at_a_time = threading.Lock()
"""A client is slow to make."""


@dataclass(frozen=True, slots=True)
class Listed:
    """An object as a listing tells it; `name` is below the prefix."""

    name: str
    bytes: int
    modified: dt.datetime


@dataclass(frozen=True, slots=True)
class Objects:
    """All objects of a store. May be used by several threads, and after a fork.

    Every request may raise a PublishError: the store was not there in time, or refused it; or a ConfigError:
    there are no credentials.
    """

    address: Address
    _clock: list[float] = field(default_factory=list, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Lets forks of this process know what becomes of each other's requests."""
        _given_up(self.address.server)

    def listed(self, prefix: str, after: str = "") -> Iterator[Listed]:
        """Objects whose names begin so, by name; from behind a name on."""
        more: dict[str, str] = {"StartAfter": self._key(after)} if after else {}
        while True:
            with self._asked(prefix):
                page = self._client.list_objects_v2(
                    Bucket=self.address.bucket, Prefix=self._key(prefix), **more
                )
            self._note_clock(page)
            for found in page.get("Contents", ()):
                name = found["Key"].removeprefix(self._key(""))
                yield Listed(name, found["Size"], found["LastModified"].astimezone(dt.UTC))
            if not page.get("IsTruncated"):
                return
            more = {"ContinuationToken": page["NextContinuationToken"]}

    def get(self, name: str) -> bytes | None:
        """The bytes of an object; None without."""
        errors = _errors()
        torn = (errors.IncompleteReadError, errors.ResponseStreamingError, errors.ReadTimeoutError)
        with self._asked(name):
            for left in reversed(
                range(_TRIES)
            ):  # boto3 tries no second time once an answer has begun
                try:
                    return self._got(name)
                except errors.ClientError as error:
                    if _code(error) == "NoSuchKey":
                        return None
                    raise
                except torn:
                    if not left:
                        raise
        return None

    def _got(self, name: str) -> bytes:
        answer = self._client.get_object(Bucket=self.address.bucket, Key=self._key(name))
        return bytes(answer["Body"].read())

    def put(self, name: str, data: bytes) -> None:
        """Puts an object in place of what had its name."""
        with self._asked(name):
            self._client.put_object(Bucket=self.address.bucket, Key=self._key(name), Body=data)

    def put_if_absent(self, name: str, data: bytes) -> bool:
        """Puts an object where nothing has its name; False where other bytes have it.

        Each try is one request, so that an answer that was lost is seen: then what stands there decides.
        """
        errors, wait = _errors(), 0.1
        self._refuse_while_away()
        deadline = time.monotonic() + self.address.server.patience_seconds
        while True:
            try:
                self._committer.put_object(
                    Bucket=self.address.bucket, Key=self._key(name), Body=data, IfNoneMatch="*"
                )
                return True
            except errors.ClientError as error:
                status, fault = _status(error), error
                if status == _NOT_KNOWN:
                    raise ignores_conditions(self.address) from error
                if status < 500 and status not in (_TAKEN, _CONFLICT, 429):
                    raise self._told(name, error) from error
            except errors.BotoCoreError as error:
                status, fault = 0, error
                if isinstance(error, errors.NoCredentialsError):
                    raise self._told(name, error) from error
            standing = self.get(name)
            if standing is not None:
                return standing == data
            if time.monotonic() + wait > deadline:
                raise self._told(name, fault) from fault
            time.sleep(wait)
            wait = min(2 * wait, _LONGEST_WAIT_SECONDS)

    def remove(self, name: str) -> None:
        """Deletes an object, if it is there."""
        with self._asked(name):
            self._client.delete_object(Bucket=self.address.bucket, Key=self._key(name))

    def copy(self, address: str, name: str) -> None:
        """Has the server copy an object of the bucket, by its address, in place of what had the name."""
        bucket = self.address.bucket
        source = {"Bucket": bucket, "Key": address.removeprefix(f"s3://{bucket}/")}
        with self._asked(name):
            self._client.copy_object(Bucket=bucket, Key=self._key(name), CopySource=source)

    def options(self) -> dict[str, str]:
        """What the library `deltalake` needs to ask the same server as the same account. Not to be shown."""
        server, found = self._client.meta, optional.require("boto3").session.Session()
        said = {"AWS_ENDPOINT_URL": server.endpoint_url, "AWS_REGION": server.region_name}
        if server.endpoint_url.startswith("http:"):
            said["AWS_ALLOW_HTTP"] = "true"
        account = found.get_credentials()
        if account is not None:
            key = account.get_frozen_credentials()
            said |= {"AWS_ACCESS_KEY_ID": key.access_key, "AWS_SECRET_ACCESS_KEY": key.secret_key}
            said |= {"AWS_SESSION_TOKEN": key.token} if key.token else {}
        return said

    def url(self, name: str) -> str:
        """The address of an object."""
        return f"s3://{self.address.bucket}/{self._key(name)}"

    def ahead_seconds(self) -> float:
        """So far this machine's clock was ahead of the store's when it last answered; 0 before that."""
        return self._clock[-1] if self._clock else 0.0

    def _key(self, name: str) -> str:
        return f"{self.address.prefix}/{name}" if self.address.prefix else name

    def _note_clock(self, answer: Any) -> None:
        said = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
        if said:
            then = email.utils.parsedate_to_datetime(said)
            self._clock[:] = [(utc_now() - then).total_seconds()]

    @property
    def _client(self) -> Any:
        with _one_at_a_time:
            return _client(self.address.server, os.getpid(), once=False)

    @property
    def _committer(self) -> Any:
        with _one_at_a_time:
            return _client(self.address.server, os.getpid(), once=True)

    @contextmanager
    def _asked(self, name: str) -> Iterator[None]:
        errors = _errors()
        self._refuse_while_away()
        try:
            yield
        except (errors.ClientError, errors.BotoCoreError) as error:
            raise self._told(name, error) from error

    def _refuse_while_away(self) -> None:
        """A store that was waited for in vain is left alone for as long: not waited for day after day."""
        patience, then = self.address.server.patience_seconds, _given_up(self.address.server)[0]
        ago = time.monotonic() - then
        if then and ago < patience:
            raise PublishError(
                f"{self.address}: the store gave no good answer for {patience:g} s, {ago:.0f} s ago, and is"
                f" asked again in {patience - ago:.0f} s; what is published there stays"
            )

    def _told(self, name: str, error: Any) -> KitchenError:
        """One sentence; nothing of what boto3 says itself, which may show what was sent."""
        address, what = self.address, f"{_code(error)} at {self.url(name)}"
        if isinstance(error, _errors().NoCredentialsError):
            return ConfigError(
                f"{address}: no credentials; boto3 looks for them in its environment variables, its files"
                " and the machine's role, see its guide"
            )
        if _code(error) == "NoSuchBucket":
            return PublishError(f"{address}: there is no such bucket; make it, or mend the address")
        if _status(error) in _REFUSED:
            return PublishError(
                f"{address}: the store refused a request ({what}); wanted the right to list, read, write and"
                " delete there, and the right keys, region and endpoint"
            )
        patience = address.server.patience_seconds
        _given_up(address.server)[0] = time.monotonic()
        return PublishError(
            f"{address}: the store gave no good answer ({what}), asked for {patience:g} s at most; what is"
            " published there stays, ask again once it is back"
        )


def ignores_conditions(address: Address) -> PublishError:
    """The error of a store on which a revision could be overwritten."""
    return PublishError(
        f"{address}: this store ignores If-None-Match, so two publishers could overwrite each other's"
        " revisions; nothing was published, take a store that honours it"
    )


@lru_cache(maxsize=8)
def _given_up(server: Server) -> Any:
    """When a server was last waited for in vain, by the monotonic clock; 0 for never. Forks share it."""
    shared: Any = memoryview(mmap.mmap(-1, 8)).cast("d")
    return shared


@lru_cache(maxsize=8)
def _client(server: Server, process: int, *, once: bool) -> Any:
    """A client of this process. One request waits for no longer than its share of the patience."""
    boto3 = optional.require("boto3")
    share = server.patience_seconds / (_TRIES + 1)
    settings = importlib.import_module("botocore.config").Config(
        connect_timeout=min(share, 10),
        read_timeout=min(share, 60),
        retries={"mode": "standard", "total_max_attempts": 1 if once else _TRIES},
        max_pool_connections=32,
        # Not every server knows the newer checksums; all that is put is read back and hashed.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    session = boto3.session.Session()
    region = server.region if server.region != "auto" else session.region_name
    return session.client(
        "s3",
        endpoint_url=server.endpoint or None,
        region_name=region or "us-east-1",
        config=settings,
    )


def _errors() -> Any:
    optional.require("boto3")
    return importlib.import_module("botocore.exceptions")


def _code(error: Any) -> str:
    answer = getattr(error, "response", None)
    said = answer.get("Error", {}).get("Code") if answer else None
    return str(said or type(error).__name__)


def _status(error: Any) -> int:
    answer = getattr(error, "response", None) or {}
    return int(answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
