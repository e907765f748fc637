"""The table of tools that days are exported for."""

from __future__ import annotations

from pipeline.exporting import freqtrade, hftbacktest, nautilus, plain, qlib
from pipeline.exporting.tool import Tool

TOOLS: dict[str, Tool] = {
    tool.name: tool
    for tool in (freqtrade.TOOL, hftbacktest.TOOL, nautilus.TOOL, plain.TOOL, qlib.TOOL)
}
