"""Bar1mExporter: `bar_1m.v6_3` to `v6_5`, one line per calculation of the forming bar.

Its stamp is the bar's open although it is labelled otherwise; keys without a value are absent.
"""

from __future__ import annotations

from pipeline.sources.atas import bar_file
from pipeline.sources.protocol import Feed, Parsed, RawText


class AtasBars:
    """The adapter."""

    name = "atas_bars"
    sources = ("atas_bars", "atas_v6_3")

    def claims(self, name: str, head: bytes) -> bool:
        """By the schema version."""
        return b'"bar_1m.v6' in head

    def parse(self, text: RawText, feed: Feed) -> Parsed:
        """Bars of the file, whatever day they are stamped with: the offset is not known yet."""
        return bar_file.parse(text, feed)
