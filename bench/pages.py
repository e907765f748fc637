"""What the picture of a published day costs its server, and when a browser shows it.

    python bench/pages.py KITCHEN.yaml DATE SYMBOL [--times 5]

The least of several times is printed beside its limit: processor seconds to make the page, its bytes, the
first paint and the whole chart on loopback. Needs Chromium and the extra `test`.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import sync_playwright

from pipeline.pages import addresses
from pipeline.pages.known import Known
from pipeline.pages.site import Site
from pipeline.publishing.opening import open_store
from pipeline.settings.config import read_kitchen

MOST_BYTES = 2_000_000
MOST_PAINT_S = 1.0
_PAINT = "performance.getEntriesByName('first-contentful-paint')[0].startTime"


def made(configuration: Path, address: str, times: int) -> tuple[float, int]:
    """Processor seconds to make a page, the least of several, and its bytes."""
    kitchen = read_kitchen(configuration)
    site = Site(Known.of(kitchen, open_store(kitchen.snapshots)))
    seconds, page = [], ""
    for _ in range(times):
        began = time.process_time()
        page = site.page(address) or sys.exit(f"there is no page {address}")
        seconds.append(time.process_time() - began)
    return min(seconds), len(page.encode())


def seen(configuration: Path, address: str, times: int) -> tuple[float, float]:
    """Seconds until the first paint, and until the chart stands, the least of several visits."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    with served(configuration) as root, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        paints, wholes = [], []
        for _ in range(times):
            page = browser.new_page()
            began = time.monotonic()
            page.goto(f"{root}{address}", timeout=120_000)
            page.wait_for_selector("body[data-ready]", timeout=120_000)
            wholes.append(time.monotonic() - began)
            paints.append(float(page.evaluate(_PAINT)) / 1000)
            page.close()
        browser.close()
    return min(paints), min(wholes)


@contextmanager
def served(configuration: Path) -> Iterator[str]:
    """The site's address while it is served."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [str(Path(sys.executable).with_name("kitchen")), "serve", "--port", str(port)]
    environ = {**os.environ, "KITCHEN_CONFIG": str(configuration)}
    with subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL) as server:
        while server.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except ConnectionError:
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}/"
        server.terminate()


def main() -> None:
    """Measures, and prints."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("configuration", type=Path)
    parser.add_argument("date", type=dt.date.fromisoformat)
    parser.add_argument("symbol")
    parser.add_argument("--times", type=int, default=5)
    given = parser.parse_args()
    address = addresses.day(given.date, given.symbol)
    seconds, size = made(given.configuration, address, given.times)
    paint, whole = seen(given.configuration, address, given.times)
    print(f"made         {seconds:.2f} s of the processor")
    print(f"bytes        {size:,}, at most {MOST_BYTES:,}")
    print(f"first paint  {paint:.2f} s, at most {MOST_PAINT_S} s")
    print(f"whole chart  {whole:.2f} s")


if __name__ == "__main__":
    main()
