"""The JSON of one line of a table, and its values as the text that CSV would have.

Belongs here: bytes -> values -> bytes. Cutting a file into lines is `lines.py` and `json_array.py`.
"""

from __future__ import annotations

from typing import Any

import msgspec

from pipeline.sources.text.lines import text_of

_decode = msgspec.json.Decoder().decode


def value_of(line: bytes) -> Any:
    """What a line says, be it an element of an array and have its comma.

    Raises:
        ValueError: it is no JSON.
    """
    try:
        return _decode(text_of(line).strip().removesuffix(b","))
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        raise ValueError(f"not JSON ({error})") from None


def cell(value: Any) -> bytes:
    """A value as the text of a cell; null is empty."""
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, bool):
        return b"true" if value else b"false"
    return b"" if value is None else repr(value).encode()
