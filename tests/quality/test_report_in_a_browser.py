"""A report in which every text of a vendor is an attack, shown by a real browser."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pyarrow as pa
import pytest

from kit.quality_days import calibrated, day_columns, ledger, without_atas, without_record
from pipeline.contracts.calibration import Reason
from pipeline.contracts.value import changed
from pipeline.quality.checks import DayFacts
from pipeline.quality.report import html, report
from pipeline.quality.verdict import verdict

Rejected = Callable[..., pa.Table]
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason="no chromium on this machine"),
]


class Trap:
    """Counts connections to a port of this machine."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.caught = 0
        self.thread = threading.Thread(target=self._listen)
        self.thread.start()

    def _listen(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.caught += 1
            connection.close()

    def close(self) -> None:
        """Listens no more."""
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()


@pytest.fixture
def trap() -> Iterator[Trap]:
    made = Trap()
    yield made
    made.close()


def attack(address: str) -> str:
    """Text that fetches, draws, opens a dialog and marks the page, if anything of it is taken as code."""
    script = f"fetch('{address}/f');alert(1);document.title='OWNED'"
    return (
        f"</td></table><script>{script}</script>\"'><img src={address}/i onerror={script!r}>"
        f"<link rel=stylesheet href={address}/s><iframe src={address}/p></iframe>"
        f"<meta http-equiv=refresh content='0;url={address}/r'><svg onload={script!r}>"
        f"<style>@import url({address}/c)</style>"
    )


def shown(address: str, profile: Path) -> str:
    """The page's elements after a browser has done all that it says; it ends at a dialog too."""
    assert BROWSER is not None
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=5000"]
    run = subprocess.run(
        [
            BROWSER,
            *flags,
            f"--user-data-dir={profile}",
            "--dump-dom",
            address,
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return run.stdout


def test_the_trap_catches_a_page_that_lets_text_be_code(tmp_path: Path, trap: Trap) -> None:
    """So that silence below proves something."""
    page = tmp_path / "open.html"
    page.write_text(f"<!doctype html><title>t</title><img src={trap.address}/i><p>here")

    assert "here" in shown(page.as_uri(), tmp_path / "profile")
    assert trap.caught > 0


def test_a_hostile_report_asks_for_nothing_and_runs_nothing(
    tmp_path: Path,
    trap: Trap,
    facts: Callable[..., DayFacts],
    rejected: Callable[..., pa.Table],
) -> None:
    """Symbol, path, notes, reasons and rejects: no request leaves the page, and its title is its own."""
    text = attack(trap.address)
    notes = {text: text, "defects": {"A04": 3}}
    entry = changed(ledger("atas_bars"), path=text, adapter=text, notes=notes)
    calibration = calibrated(
        feed=text,
        volume_unit=text,
        reasons=(Reason(code="C01", key="other_instrument", note=text),),
    )
    day = facts(
        symbol=text,
        calibration=calibration,
        ledgers={"binance_1m": [ledger("binance_1m")], "atas_bars": [entry]},
        rejects={"atas_bars": rejected("atas_bars", (9, "A13", text), reason=text)},
    )
    page = tmp_path / "report.html"
    page.write_text(html(report(day, verdict(day)), day.bars))

    dom = shown(page.as_uri(), tmp_path / "profile")

    assert "OWNED" in dom  # as text
    assert "<title>OWNED" not in dom
    assert trap.caught == 0


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    """The address of the test's folder."""
    handler = partial(Quiet, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class Quiet(SimpleHTTPRequestHandler):
    """Serves files and says nothing."""

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


MEASURING = """<!doctype html><iframe id=f width={width} height=900 src=report.html></iframe><script>
onload = () => {{
  const page = f.contentDocument;
  page.querySelectorAll("details").forEach(part => part.open = true);
  const wide = page.documentElement.scrollWidth;
  const drawn = [...page.querySelectorAll("svg")].map(svg => svg.getBoundingClientRect());
  const inside = drawn.filter(box => box.width > 0 && box.right <= {width}).length;
  document.title = `wide ${{wide}} drawings ${{drawn.length}} inside ${{inside}}`;
}}
</script>"""


@pytest.mark.parametrize("width", [390, 1440])
def test_nothing_stands_beyond_the_page(
    tmp_path: Path, served: str, width: int, facts: Callable[..., DayFacts], rejected: Rejected
) -> None:
    """On a phone and on a desk, all evidence unfolded: no sideways scroll, and each drawing whole."""
    columns = day_columns()
    without_record(columns, range(100, 103))
    without_atas(columns, range(600, 700))
    columns["atas_high"][5] += 7.5
    columns["basis_bps"] = [-2.125 + (i % 5) / 8 for i in range(1440)]
    day = facts(columns, rejects={"atas_bars": rejected("atas_bars", (9, "A13", "x" * 500))})
    (tmp_path / "report.html").write_text(html(report(day, verdict(day)), day.bars))
    (tmp_path / "measure.html").write_text(MEASURING.format(width=width))

    dom = shown(f"{served}/measure.html", tmp_path / "profile")
    told = re.search(r"<title>wide (\d+) drawings (\d+) inside (\d+)</title>", dom)

    assert told
    wide, drawings, inside = map(int, told.groups())
    assert wide <= width
    assert inside == drawings > 5
