"""Names for values of free form: mappings whose fields no type of ours fixes.

Belongs here: nothing that has a form. A document whose fields are known is a frozen value of `contracts/`.
"""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]
"""A JSON object whose fields differ by file, check or step: the figures of a report, a reader's notes on a
raw file, a vendor's own record, what a command says with `--json`."""

Document = dict[str, Any]
"""What a person wrote in YAML or JSON, before or after cerberus has held it against its schema; and such a
schema. Its form is the schema's to say, and a typed value is made of it at once."""
