"""What the documents that travel between steps share: frozen values, and their way to JSON and back.

Belongs here: reading and writing any of them. Their fields are in a module each (`calibration.py`,
`verdict.py`). Every field has one name, so that a misspelt one is an error and never a null.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from pipeline.errors import ContractError
from pipeline.free_form import Json


class Value(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A part of a document."""


Part = TypeVar("Part", bound=msgspec.Struct)
Kind = TypeVar("Kind")


def changed(value: Part, **changes: Any) -> Part:
    """The value with other fields.

    Raises:
        TypeError: no field has that name.
    """
    return msgspec.structs.replace(value, **changes)


def to_json(value: msgspec.Struct) -> Json:
    """The value as plain JSON values."""
    plain: Json = msgspec.json.decode(msgspec.json.encode(value))
    return plain


def read_as(kind: type[Kind], value: Any, document: str, stage: str, remedy: str = "") -> Kind:
    """The document in a JSON value.

    Args:
        kind: Its form.
        value: What was read.
        document: The file's name, for the error.
        stage: The step that makes it.
        remedy: What to do where the form is another; empty: to build the step again.

    Raises:
        ContractError: a field is unknown, absent or of another type.
    """
    try:
        return msgspec.convert(value, kind, str_keys=True)
    except msgspec.ValidationError as error:
        raise ContractError(
            f"{document}: {error}; it is not of this version, {remedy or f'build the step {stage} again'}"
        ) from None
