"""What may be a symbol's name: it names folders and files, also on Windows and macOS, and stands in pages.

Belongs here: the form of a name, in words that a person reads. Which symbols there are is configuration.
Standard library only, so that a run with nothing to do stays light.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

LENGTH_MAX = 32

FORM = (
    f"letters and digits of any script, cased ones in upper case, with _ . - inside, at most {LENGTH_MAX},"
    " such as BTCUSDT"
)

_INSIDE = frozenset("_.-")
_DEVICE = re.compile(r"(?:CON|PRN|AUX|NUL|COM[0-9]|LPT[0-9])(?:\.|\Z)")
_INVISIBLE = frozenset("\u115f\u1160")
"""Letters by their category, yet nothing is seen of them: the fillers of Hangul."""


def is_symbol(text: str) -> bool:
    """Whether the text may be a symbol's name."""
    return fault(text) is None


def fault(text: str) -> str | None:
    """The first thing for which the text cannot be a symbol's name, in words; None where it can.

    A composed name (NFC) alone is one, since a file system may hand back another spelling of the same
    letters; marks that combine, invisible letters, marks that turn the writing direction and forms of
    another letter (full-width, superscript) are none.
    """
    if not 0 < len(text) <= LENGTH_MAX:
        return f"has {len(text)} characters"
    odd = next((c for c in text if not _is_plain(c) and c not in _INSIDE), None)
    if odd is not None:
        return f"has {_named(odd)}"
    other = next((c for c in text if unicodedata.normalize("NFKC", c) != c), None)
    if other is not None:
        return f"has {_named(other)}, another form of {unicodedata.normalize('NFKC', other)!r}"
    if not unicodedata.is_normalized("NFC", text):
        return "is not in its composed form (NFC)"
    if text[0] in _INSIDE:
        return f"begins with {text[0]!r}"
    if text[-1] == ".":
        return "ends with a dot"
    if _DEVICE.match(text):
        return "names a device on Windows"
    return None


def same_folded(names: Iterable[str]) -> tuple[str, str] | None:
    """Two names that a file system without case takes for one; None where there are none."""
    seen: dict[str, str] = {}
    for name in names:
        other = seen.setdefault(unicodedata.normalize("NFC", name.casefold()), name)
        if other != name:
            return other, name
    return None


def _is_plain(character: str) -> bool:
    """A letter or decimal digit that is seen, and not in lower or title case."""
    category = unicodedata.category(character)
    is_upper = character == character.upper() and not character.islower() and category != "Lt"
    return (category[0] == "L" or category == "Nd") and is_upper and character not in _INVISIBLE


def _named(character: str) -> str:
    """The character as a sentence can tell it: itself where it is seen alone, and its name."""
    if character.isascii():
        return repr(character)
    name = unicodedata.name(character, f"U+{ord(character):04X}")
    return f"{character!r} ({name})" if unicodedata.category(character)[0] in "LN" else name
