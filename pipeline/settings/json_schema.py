"""The form of `kitchen.yaml` as a JSON Schema, which editors check and complete by.

Belongs here: cerberus' rules -> the words of JSON Schema (draft 2020-12). What cannot be said there (rules
between keys, that files are there) is `kitchen config check`'s alone.
"""

from __future__ import annotations

from typing import Any

from pipeline.free_form import Document, Json

DRAFT = "https://json-schema.org/draft/2020-12/schema"

_TYPES = {
    "dict": {"type": "object"},
    "list": {"type": "array"},
    "string": {"type": "string"},
    "integer": {"type": "integer"},
    "number": {"type": "number"},
    "float": {"type": "number"},
    "boolean": {"type": "boolean"},
    "date": {"type": "string", "format": "date"},
}
_WORDS = {
    "dict": {"min": "", "max": "", "minlength": "minProperties", "maxlength": "maxProperties"},
    "list": {"minlength": "minItems", "maxlength": "maxItems"},
    "string": {"minlength": "minLength", "maxlength": "maxLength", "regex": "pattern"},
    "integer": {"min": "minimum", "max": "maximum"},
    "number": {"min": "minimum", "max": "maximum"},
    "float": {"min": "minimum", "max": "maximum"},
}


def json_schema(rules: Document, title: str) -> Json:
    """The schema of a document with these rules of cerberus, in which no other key may stand."""
    return {"$schema": DRAFT, "title": title, **_object(rules)}


def _object(rules: Document) -> Json:
    required = sorted(name for name, rule in rules.items() if rule.get("required"))
    found: Json = {
        "type": "object",
        "properties": {name: _value(rule) for name, rule in rules.items()},
        "additionalProperties": False,
    }
    return found | ({"required": required} if required else {})


def _value(rule: Document) -> Json:
    """What a key's value may be."""
    branches = rule.get("anyof") or rule.get("oneof")
    if branches:
        common = {key: value for key, value in rule.items() if key not in ("anyof", "oneof")}
        return {"anyOf": [_value({**common, **branch}) for branch in branches]}
    kinds = rule.get("type", [])
    options = [_of_kind(kind, rule) for kind in ([kinds] if isinstance(kinds, str) else kinds)]
    if rule.get("nullable"):
        options.append({"type": "null"})
    found: Json = options[0] if len(options) == 1 else {"anyOf": options} if options else {}
    if "default" in rule and _is_plain(rule["default"]):
        found = {**found, "default": rule["default"]}
    return found


def _of_kind(kind: str, rule: Document) -> Json:
    found: Json = dict(_TYPES[kind])
    if "allowed" in rule and kind != "list":
        found["enum"] = list(rule["allowed"])
    for word, ours in _WORDS.get(kind, {}).items():
        if word in rule and ours:
            found[ours] = rule[word]
    if kind == "dict":
        found |= _of_dict(rule)
    if kind == "list" and "schema" in rule:
        found["items"] = _value(rule["schema"])
    return found


def _of_dict(rule: Document) -> Json:
    if "schema" in rule:
        return _object(rule["schema"])
    found: Json = {}
    if "valuesrules" in rule:
        found["additionalProperties"] = _value(rule["valuesrules"])
    keys = rule.get("keysrules", {})
    if "allowed" in keys:
        found["propertyNames"] = {"enum": list(keys["allowed"])}
    return found


def _is_plain(value: Any) -> bool:
    return isinstance(value, (str, int, float, bool, list))
