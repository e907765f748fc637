"""All screenshots of the documentation, made anew in a real browser.

    python -m tools.pictures --real FOLDER [--out docs] [--only NAME]

FOLDER has the real exports, below it `xrpeth-2019-10` and `btcusdt-2025-01-02`. What is shown is built in a
temporary folder with the kitchen's own commands; it takes some minutes. Needs Chromium and the extra `test`.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright

BIN = Path(sys.executable).parent
WIDE, PHONE = 1440, 390
READY = "body[data-ready]"
MINUTE = "19:02/30"
"""Of the real XRPETH day: half an hour around its greatest rise, so that the footprint is seen."""

SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
BEGIN, DAYS = "2025-01-02", 20
BAD_DAYS = {
    "2025-01-06": ("A02", "B12", "C08", "A13"),
    "2025-01-15": ("B05",),
    "2025-01-19": ("A22",),
}
"""Day of the first symbol -> what was done to its files."""


@dataclass(frozen=True, slots=True)
class Kitchen:
    """A kitchen of its own folder, driven by its commands."""

    root: Path

    @classmethod
    def at(cls, root: Path, symbols: dict[str, str], more: str = "") -> Kitchen:
        """A new one with nothing in it."""
        (root / "raw").mkdir(parents=True)
        listed = "".join(f"  {name}: {{market: {market}}}\n" for name, market in symbols.items())
        paths = "paths: {raw: raw, prepared: prepared, snapshots: snapshots}\n"
        (root / "kitchen.yaml").write_text(f"{paths}{more}symbols:\n{listed}")
        return cls(root)

    @property
    def environ(self) -> dict[str, str]:
        """Of its commands."""
        return {**os.environ, "KITCHEN_CONFIG": str(self.root / "kitchen.yaml")}

    def run(self, program: str, *arguments: str) -> None:
        """A command, which must succeed."""
        done = subprocess.run(
            [BIN / program, *arguments], cwd=self.root, env=self.environ, text=True,
            capture_output=True, check=False,
        )  # fmt: skip
        if done.returncode:
            sys.exit(f"{program} {' '.join(arguments)}: {done.returncode}\n{done.stderr[-2000:]}")

    def build(self, first: str, last: str) -> None:
        """Publishes days."""
        self.run("kitchen", "backfill", "--start", first, "--stop", last)

    @contextmanager
    def luigid(self) -> Iterator[str]:
        """The scheduler with its pages; its port."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = str(free.getsockname()[1])
        command: list[str | Path] = [BIN / "kitchen", "luigid", "--port", port]
        with subprocess.Popen(
            command, cwd=self.root, env=self.environ,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        ) as server:  # fmt: skip
            try:
                _until(lambda: bool(_get(f"http://127.0.0.1:{port}/healthz")))
                yield port
            finally:
                server.terminate()


def real(root: Path, folder: Path, symbol: str, market: str, first: str, last: str) -> Kitchen:
    """A kitchen with real days, published."""
    made = Kitchen.at(root, {symbol: market})
    shutil.copytree(folder / "atas", root / "raw/atas")
    shutil.copytree(folder / "binance" / market, root / "raw/binance" / market)
    made.build(first, last)
    return made


def simulated(root: Path) -> Kitchen:
    """Generated days of three symbols, some of which went wrong; the last one by klines alone. Not built."""
    made = Kitchen.at(root, dict.fromkeys(SYMBOLS, "futures_um"), "simulated: true\n")
    plain = ("sample", "--out", "raw", "--trades", "3000", "--seed", "3")
    *full, alone = SYMBOLS
    whole = (*plain, "--date", BEGIN, "--days", f"{DAYS}", "--symbols")
    made.run("kitchen", *whole, ",".join(full))
    made.run("kitchen", *whole, alone, "--without", "atas", "--without", "trades")
    for day, codes in BAD_DAYS.items():
        defects = [part for code in codes for part in ("--defect", code)]
        made.run("kitchen", *plain, "--date", day, "--symbols", full[0], *defects)
    return made


@dataclass(frozen=True, slots=True)
class Camera:
    """A browser, and where pictures of its pages go."""

    browser: Browser
    out: Path

    def take(
        self, name: str, address: str, size: tuple[int, int] = (WIDE, 900), scheme: str = "light",
        ready: str = READY,
    ) -> None:  # fmt: skip
        """A picture of what is in sight of a page, once it is there."""
        context = self.browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme=scheme,  # type: ignore[arg-type]
        )
        page = context.new_page()
        page.goto(address)
        page.wait_for_selector(ready)
        page.evaluate("scrollTo(0, 0)")
        page.wait_for_timeout(500)
        page.screenshot(path=self.out / f"{name}.png")
        context.close()
        sys.stdout.write(f"{self.out / name}.png\n")


def of_a_day(camera: Camera, root: Path, folder: Path) -> None:
    """The real XRPETH day, a minute chosen, on a wide screen and on a phone."""
    made = real(root, folder / "xrpeth-2019-10", "XRPETH", "spot", "2019-10-11", "2019-10-12")
    made.run("kitchen", "show", "2019-10-12", "XRPETH")
    address = f"{(made.root / '2019-10-12-XRPETH.html').as_uri()}#{MINUTE}"
    camera.take("day", address, (1280, 860))
    camera.take("day-dark", address, (1280, 860), "dark")
    camera.take("day-phone", address, (PHONE, 1500))


def of_a_report(camera: Camera, root: Path, folder: Path) -> None:
    """The real BTCUSDT day's report."""
    day = "2025-01-02"
    made = real(root, folder / "btcusdt-2025-01-02", "BTCUSDT", "futures_um", day, day)
    file = made.root / "snapshots" / day / "qc/BTCUSDT/calibration_report.html"
    for scheme, ending in (("light", ""), ("dark", "-dark")):
        camera.take(f"report{ending}", file.as_uri(), (WIDE, 1180), scheme, "main")
        camera.take(f"report-phone{ending}", file.as_uri(), (PHONE, 1500), scheme, "main")


def of_many_days(camera: Camera, root: Path) -> None:
    """The scheduler while it builds generated days, then their calendar and their site."""
    made = simulated(root)
    last = f"2025-01-{1 + DAYS:02}"
    with made.luigid() as port:
        tasks = f"http://127.0.0.1:{port}/static/visualiser/index.html"
        options = ("--module", "pipeline", "--scheduler-port", port)
        with _behind(made, "luigi", *options, "Snapshot", "--date", last):
            task = _running(port, "Snapshot")
            graph = f"{tasks}#tab=graph&taskId={task}&visType=svg"
            camera.take("luigid-graph", graph, ready="#graphContainer svg .node, svg circle")
        with _behind(made, "luigi", *options, "Backfill", "--start", BEGIN, "--stop", last):
            _running(port, "Backfill")
            camera.take("luigid-tasks", tasks, (WIDE, 1000), ready="#taskTable tbody tr")
        camera.take("site", f"http://127.0.0.1:{port}/", (WIDE, 860))
    made.run("kitchen", "calendar")
    camera.take("calendar", (root / "snapshots/index.html").as_uri(), (WIDE, 1100), ready="main")


@contextmanager
def _behind(made: Kitchen, program: str, *arguments: str) -> Iterator[None]:
    """While a command runs; it is waited for at the end."""
    with subprocess.Popen(
        [BIN / program, *arguments], cwd=made.root, env=made.environ,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ):  # fmt: skip
        yield


def _running(port: str, family: str) -> str:
    """The id of the task of a family, once something runs and something of it is done."""
    found: list[str] = []

    def there() -> bool:
        tasks = [
            (state, name)
            for state in ("RUNNING", "DONE", "PENDING")
            for name in _tasks(port, state)
        ]
        found[:] = [name for _, name in tasks if name.startswith(f"{family}_")]
        return bool(found) and {"RUNNING", "DONE"} <= {state for state, _ in tasks}

    _until(there)
    return found[0]


def _tasks(port: str, status: str) -> list[str]:
    asked = urllib.parse.urlencode({"data": json.dumps({"status": status, "upstream_status": ""})})
    answer: dict[str, Any] = json.loads(
        _get(f"http://127.0.0.1:{port}/api/task_list?{asked}") or "{}"
    )
    return list(answer.get("response", {}))


def _get(address: str) -> str:
    try:
        with urllib.request.urlopen(address, timeout=10) as answer:  # noqa: S310 - of this machine
            return str(answer.read().decode())
    except OSError:
        return ""


def _until(there: Callable[[], bool], seconds: float = 120.0) -> None:
    stop = time.monotonic() + seconds
    while not there():
        if time.monotonic() > stop:
            sys.exit("what the pictures show did not come about within two minutes")
        time.sleep(0.1)


def main() -> None:
    """Builds, and takes them all."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--real", type=Path, required=True, help="folder of the real exports")
    parser.add_argument("--out", type=Path, default=Path("docs"), help="default: docs")
    parser.add_argument("--only", choices=("day", "report", "site"), help="these alone")
    arguments = parser.parse_args()
    if not arguments.real.is_dir():
        parser.error(f"{arguments.real} is no folder; it has the real exports")
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        parser.error("there is no chromium on this machine; install it")
    out = arguments.out.absolute()
    with tempfile.TemporaryDirectory() as made, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        camera, root = Camera(browser, out), Path(made)
        if arguments.only in (None, "day"):
            of_a_day(camera, root / "xrp", arguments.real)
        if arguments.only in (None, "report"):
            of_a_report(camera, root / "btc", arguments.real)
        if arguments.only in (None, "site"):
            of_many_days(camera, root / "many")
        browser.close()


if __name__ == "__main__":
    main()
