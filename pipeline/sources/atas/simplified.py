"""SimplifiedDataExporter v6.1 to v6.3: one line a bar, null keys written out, `flush_seq` within a run.

Its stamp is the bar's open, and on a PC outside UTC it may be hours off and still say UTC.
"""

from __future__ import annotations

import re

from pipeline.sources.atas import bar_file
from pipeline.sources.protocol import Feed, Parsed, RawText

_VERSION = re.compile(rb'"schema_version"\s*:\s*"v6[._]')


class AtasSimplified:
    """The adapter."""

    name = "atas_simplified"
    sources = ("atas_v6_3", "atas_bars")

    def claims(self, name: str, head: bytes) -> bool:
        """By the schema version."""
        return _VERSION.search(head) is not None

    def parse(self, text: RawText, feed: Feed) -> Parsed:
        """Bars of the file, whatever day they are stamped with: the offset is not known yet."""
        return bar_file.parse(text, feed)
