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
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Any, TypeVar, cast

from pipeline import optional
from pipeline.clock import utc_now
from pipeline.errors import ConfigError, KitchenError, PublishError
from pipeline.settings.stores import Address, Server

_TRIES = 6
"""So many requests without any answer fit into the patience."""

_OF_THE_MOMENT = (408, 409, 412, 425, 429)
_OF_THE_MOMENT_BY_NAME = ("RequestTimeout", "SlowDown")
_REFUSED = (400, 401, 403)
_NOT_KNOWN = 501
_CLOCK_SECONDS = 30
_FIRST_WAIT_SECONDS, _LONGEST_WAIT_SECONDS = 0.2, 5.0

T = TypeVar("T")

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
            page = self._asked(prefix, partial(self._page, prefix, more))
            for found in page.get("Contents", ()):
                name = found["Key"].removeprefix(self._key(""))
                yield Listed(name, found["Size"], found["LastModified"].astimezone(dt.UTC))
            if not page.get("IsTruncated"):
                return
            more = {"ContinuationToken": page["NextContinuationToken"]}

    def _page(self, prefix: str, more: dict[str, str]) -> Any:
        asked = utc_now()
        page = self._client.list_objects_v2(
            Bucket=self.address.bucket, Prefix=self._key(prefix), **more
        )
        self._note_clock(page, asked)
        return page

    def get(self, name: str) -> bytes | None:
        """The bytes of an object; None without."""
        return self._asked(name, partial(self._got, name))

    def _got(self, name: str) -> bytes | None:
        try:
            answer = self._client.get_object(Bucket=self.address.bucket, Key=self._key(name))
            return bytes(answer["Body"].read())
        except _errors().ClientError as error:
            if _code(error) == "NoSuchKey":
                return None
            raise

    def put(self, name: str, data: bytes) -> None:
        """Puts an object in place of what had its name."""
        self._asked(name, partial(self._put, name, data))

    def put_if_absent(self, name: str, data: bytes) -> bool:
        """Puts an object where nothing has its name; False where other bytes have it.

        Where the answer is lost, or is none, what stands there decides.
        """
        return self._asked(name, partial(self._put_if_absent, name, data))

    def _put_if_absent(self, name: str, data: bytes) -> bool:
        try:
            self._put(name, data, IfNoneMatch="*")
            return True
        except _faults() as error:
            if _status(error) == _NOT_KNOWN:
                raise ignores_conditions(self.address) from error
            standing = self._got(name) if _passes(error) else None
            if standing is None:
                raise
            return standing == data

    def _put(self, name: str, data: bytes, **condition: str) -> None:
        self._client.put_object(
            Bucket=self.address.bucket, Key=self._key(name), Body=data, **condition
        )

    def remove(self, name: str) -> None:
        """Deletes an object, if it is there."""
        it = {"Bucket": self.address.bucket, "Key": self._key(name)}
        self._asked(name, lambda: self._client.delete_object(**it))

    def copy(self, address: str, name: str) -> None:
        """Has the server copy an object of the bucket, by its address, in place of what had the name."""
        bucket = self.address.bucket
        source = {"Bucket": bucket, "Key": address.removeprefix(f"s3://{bucket}/")}
        it = {"Bucket": bucket, "Key": self._key(name), "CopySource": source}
        self._asked(name, lambda: self._client.copy_object(**it))

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

    def refuse_wrong_clock(self) -> None:
        """Where it is so far off that no time of publication could be believed."""
        ahead = self.ahead_seconds()
        if abs(ahead) > _CLOCK_SECONDS:
            off = f"{abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'}"
            raise PublishError(
                f"{self.address}: this machine's clock is {off} the store's, wanted at most"
                f" {_CLOCK_SECONDS} s; nothing was published, set the clock"
            )

    def _key(self, name: str) -> str:
        return f"{self.address.prefix}/{name}" if self.address.prefix else name

    def _note_clock(self, answer: Any, asked: dt.datetime) -> None:
        """What is certain: the store may have told its time at any moment since it was asked."""
        said = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
        if said:
            then = email.utils.parsedate_to_datetime(said)
            nearest = min(max(then, asked), utc_now())
            self._clock[:] = [(nearest - then).total_seconds()]

    @property
    def _client(self) -> Any:
        with _one_at_a_time:
            return _client(self.address.server, os.getpid())

    def _asked(self, name: str, once: Callable[[], T]) -> T:
        """A good answer, asked for until there is one, or the patience is at its end."""
        self._refuse_while_away()
        optional.require("boto3")  # first: the extra that it belongs to has both
        tenacity = optional.require("tenacity")
        tries = tenacity.Retrying(
            retry=tenacity.retry_if_exception(_passes),
            stop=tenacity.stop_before_delay(self.address.server.patience_seconds),
            wait=tenacity.wait_random_exponential(_FIRST_WAIT_SECONDS, _LONGEST_WAIT_SECONDS),
            reraise=True,
        )
        try:
            return cast(T, tries(once))
        except _faults() as error:
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
        if _code(error) == "RequestTimeTooSkewed":
            return PublishError(
                f"{address}: this machine's clock is too far off the store's, by which it refused a request"
                f" ({what}); set the clock"
            )
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
def _client(server: Server, process: int) -> Any:
    """A client of this process. One request waits for no longer than its share of the patience, and is tried
    once, so that an answer that was lost is seen.
    """
    boto3 = optional.require("boto3")
    share = server.patience_seconds / _TRIES
    settings = importlib.import_module("botocore.config").Config(
        connect_timeout=min(share, 10),
        read_timeout=min(share, 60),
        retries={"mode": "standard", "total_max_attempts": 1},
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


def _passes(error: BaseException) -> bool:
    """Whether the same request may have a better answer in a moment."""
    errors = _errors()
    if isinstance(error, errors.ClientError):
        status = _status(error)
        again = status in _OF_THE_MOMENT or _code(error) in _OF_THE_MOMENT_BY_NAME
        nameless = status == 404 and _code(error) == "404"  # cut before it said what is not there
        return again or nameless or (status >= 500 and status != _NOT_KNOWN)
    no_answer = (errors.HTTPClientError, errors.ConnectionError, errors.IncompleteReadError)
    return isinstance(error, (*no_answer, _unreadable()))


def _faults() -> tuple[type[Exception], ...]:
    """All that a request may end with but a good answer."""
    errors = _errors()
    return errors.ClientError, errors.BotoCoreError, _unreadable()


def _unreadable() -> type[Exception]:
    """The error of an answer that is none of S3's, as one that was cut."""
    return cast(type[Exception], importlib.import_module("botocore.parsers").ResponseParserError)


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
