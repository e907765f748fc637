"""Sorting a folder of vendor files into `data/raw`: each by its kind, interval, symbol, market and dates.

Belongs here: where a file goes. Files are copied or linked (`bringing.py`), never moved; an export that has
grown takes the place of its beginning (`growth.py`). What else is there with other bytes is left alone and
named, and so is what no adapter claims or no source reads. What a file is, is `vendor_file.py`'s.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline import storage, windows
from pipeline.errors import ConfigError, ParameterError, SourceError
from pipeline.model.feeds import FEEDS, TRADE_FEEDS
from pipeline.runs.importing import growth, kline_peek
from pipeline.runs.importing.bringing import Bring, copy
from pipeline.runs.importing.heap import is_beside_exports, is_data, is_simulated, names_in
from pipeline.runs.importing.vendor_file import READ_KINDS, VendorFile, kind_of, look, marks_of
from pipeline.runs.importing.vendor_names import name_facts, names_symbol
from pipeline.sample import mark
from pipeline.settings.config import Kitchen, Symbol

_FEEDS = {
    "atas_bars": "atas_bars",
    "atas_simplified": "atas_v6_3",
    "atas_ticks": "atas_ticks",
    "binance_funding": "binance_funding",
    "binance_metrics": "binance_metrics",
    "binance_trades": "binance_trades",
    "binance_agg_trades": "binance_agg_trades",
}
_KIND_FEEDS = {"metrics": "binance_metrics", "fundingRate": "binance_funding"}
_KLINE_FEEDS = {"1m": "binance_1m", "1d": "binance_1d"}
_HOUR = re.compile(r"(?:^|/)([0-2][0-9])/[^/]+$")
_FORMS = (
    *("jsonl.gz", "jsonl.zst", "jsonl.part", "jsonl"),
    *("csv.gz", "csv", "zip", "parquet", "json.gz", "json"),
)

_AS_LINES = {"json": "jsonl", "json.gz": "jsonl.gz"}
"""An array of an exporter's objects is read from the place of its lines."""


_UNKNOWN = "no adapter knows this format"


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """One file of the folder.

    Args:
        path: Its name below the folder.
        state: copied, linked, grown (it took the place of its beginning), there (all its bytes are), kept
            (other bytes are there), ignored or unclaimed.
        to: Its name below `paths.raw`; None where it has no place.
        adapter: Which one reads it.
        kind: What it holds, such as `bookDepth`, `15m klines` or `atas_ticks`, where that is known.
        data: Whether it is data: no text, no picture and no zip of such.
        why: What else there is to say.
    """

    path: str
    state: str
    to: str | None = None
    adapter: str | None = None
    kind: str | None = None
    data: bool = True
    why: str = ""

    @property
    def is_left(self) -> bool:
        """Whether it is data that did not find its place."""
        return self.data and self.state in ("unclaimed", "kept")


def counted(files: Iterable[Imported]) -> str:
    """How many files came to which end, in words: what is left apart from texts and pictures."""
    states = Counter(
        file.state if file.data or file.state != "unclaimed" else "no data" for file in files
    )
    return ", ".join(f"{count} {state}" for state, count in sorted(states.items()))


Each = Callable[[list[str]], Iterable[str]]
"""Gives names one by one, and may say how far it is."""


def import_folder(
    kitchen: Kitchen, folder: Path, each: Each = iter, bring: Bring = copy
) -> list[Imported]:
    """Brings every file that a source reads to its place, its checksum file with it.

    Args:
        kitchen: Whose raw folder it is.
        folder: Where the files are.
        each: Gives their names one by one.
        bring: How a file comes to its place.

    Returns:
        One entry a file, by path.

    Raises:
        ParameterError: not a folder, or one that holds the raw folder or lies in it.
        ConfigError: files are simulated and the kitchen's data are not, or the other way round.
    """
    folder, raw = folder.resolve(), kitchen.raw.resolve()
    if not folder.is_dir():
        known = windows.spelling(str(folder))
        raise ParameterError(f"{folder}: no such folder{known}; name one that holds vendor files")
    if folder.is_relative_to(raw) or raw.is_relative_to(folder):
        raise ParameterError(f"{folder}: holds or lies in {raw}; wanted a folder beside it")
    _check_origin(kitchen, folder)
    return [
        file
        for name in each(list(names_in(folder)))
        for file in _import(kitchen, folder, name, bring)
    ]


def _check_origin(kitchen: Kitchen, folder: Path) -> None:
    """Lets simulated files and those of a market into kitchens of their own alone."""
    simulated = is_simulated(folder)
    if simulated and not kitchen.simulated:
        raise ConfigError(
            f"{folder}: its files are simulated ({mark.NAME} says so), and the data of {kitchen.file} are"
            f" not; nothing was copied. Give them a kitchen of their own: kitchen init NEW --from {folder}"
        )
    if simulated is False and kitchen.simulated:
        raise ConfigError(
            f"{folder}: no {mark.NAME} says that its files are simulated, and {kitchen.file} says so of all"
            " its data (simulated: true); nothing was copied. Import them into another kitchen, or put"
            " that file beside them if they are"
        )


def _import(kitchen: Kitchen, folder: Path, path: str, bring: Bring) -> list[Imported]:
    """One entry, or one for each kind of trades and each of the days that an export's rows are of."""
    if is_beside_exports(path):
        return [Imported(path=path, state="ignored", data=False, why="no export")]
    name = unicodedata.normalize("NFC", path)
    left = Imported(
        path=path,
        state="unclaimed",
        kind=name_facts(name).kind or name_facts(name).folder_kind,
        data=is_data(folder / path),
    )
    try:
        files = look(folder / path, name, kitchen.limits)
    except SourceError as error:
        return [replace(left, why=str(error) if left.data else _UNKNOWN)]
    if not files:
        return [replace(left, why=_UNKNOWN)]
    return [one for file in files for one in _filed(kitchen, folder, file, left, bring)]


def _filed(
    kitchen: Kitchen, folder: Path, file: VendorFile, left: Imported, bring: Bring
) -> list[Imported]:
    """The file under each of its days; `left` if it has no place."""
    left = replace(left, adapter=file.adapter, data=True)
    try:
        kind = kind_of(file)
        left = replace(left, kind=kind)
        places = [_place(kitchen, file, kind, marks) for marks in marks_of(file)]
    except ValueError as error:
        return [replace(left, why=str(error))]
    raw = kitchen.raw
    return [_brought(raw, folder, replace(left, to=to, why=word), bring) for to, word in places]


def feed_of(file: VendorFile, kind: str) -> str:
    """The feed that reads the kind.

    Raises:
        ValueError: none does.
    """
    feed = _FEEDS.get(file.adapter)
    if feed is None and file.adapter in kline_peek.SHAPED:
        feed = "binance_1m" if kind == "klines" else _KLINE_FEEDS.get(kind.removesuffix(" klines"))
    wanted = _KIND_FEEDS.get(kind, feed)
    if feed is None or feed != wanted or (file.says.kind not in (None, *READ_KINDS)):
        raise ValueError(f"{kind}: no source reads these")
    return feed


def _place(kitchen: Kitchen, file: VendorFile, kind: str, marks: dict[str, str]) -> tuple[str, str]:
    """The name below the raw folder of what the marks of a date tell, and what a person should know of it.

    Raises:
        ValueError: no source reads it; the symbol, the date or a pattern for it cannot be told; or what
            the names say and the rows do not agree.
    """
    feed = feed_of(file, kind)
    symbol = _symbol(kitchen.symbols, file)
    market, word = _market(file, feed, symbol)
    name, form = file.name, next((f for f in _FORMS if file.name.endswith(f".{f}")), None)
    if form is not None and FEEDS[feed].vendor == "atas":
        form = _AS_LINES.get(form, form)
    found = _HOUR.search(name) if FEEDS[feed].spills else None
    patterns = symbol.patterns[feed]
    if file.adapter == "binance_fetcher" and market == symbol.market:
        # a user's own table has a place of its own, of less trust than the exchange's archives
        patterns = tuple(sorted(patterns, key=lambda pattern: "{market}" in pattern))
    for pattern in patterns:
        if (
            form is not None
            and pattern.endswith(f".{form}")
            and any(f"{{{mark}}}" in pattern for mark in marks)
            and ("*" in pattern) == (found is not None)
        ):
            to = pattern.replace("*", found[1] if found else "").format(
                market=market, symbol=symbol.vendor_name(feed), **marks
            )
            return to, word
    raise ValueError(
        f"no path pattern of {feed} with {' or '.join(f'{{{mark}}}' for mark in marks)} ends as its"
        " name does; add one under `sources`"
    )


def _symbol(configured: dict[str, Symbol], file: VendorFile) -> Symbol:
    """The configured symbol that the path, or else the first tick, names; of several that of its market."""
    symbols = configured.values()
    stated = re.search(rb'"(?:symbol|s)"\s*:\s*"([^"]{1,32})"', file.head)
    words = f"{file.name}/{stated[1].decode('utf-8', 'replace') if stated else ''}"
    names = {s.name: {s.name, s.vendor_symbol, s.atas_symbol} for s in symbols}
    if file.says.archive_of is not None:
        named = [s for s in symbols if file.says.archive_of in names[s.name]]
        whose = f"it is of {file.says.archive_of}, which is not configured"
    else:
        named = [s for s in symbols if any(names_symbol(words, n) for n in names[s.name])]
        whose = "no configured symbol is in its path (put it in a folder named as its symbol)"
    if not named:
        raise ValueError(f"{whose}; wanted one of {', '.join(configured)}")
    longest = max(len(s.name) for s in named)
    if file.says.market is not None:
        return next((s for s in named if s.market == file.says.market), named[0])
    return next(s for s in named if len(s.name) == longest)


def _market(file: VendorFile, feed: str, symbol: Symbol) -> tuple[str, str]:
    """The market of a file, and a word where another than the symbol's is told.

    Raises:
        ValueError: a tape of another market, or an archive that looks like another market's.
    """
    path, looks = file.says.market, file.looks
    mine = "spot" if symbol.market == "spot" else "futures"
    if FEEDS[feed].vendor == "atas" and path not in (None, symbol.market):
        raise ValueError(
            f"its path says {path}, and {symbol.name} is {symbol.market}; wanted a symbol of that"
            " market, or another path"
        )
    form = {"spot": "microseconds, no header", "futures": "milliseconds under a header"}
    if feed in TRADE_FEEDS:
        form = {"spot": "it tells the best match", "futures": "no best match under its header"}
    seems = f"it looks like an archive of {looks} ({form.get(looks or '')})"
    if path is None and looks not in (None, mine):
        raise ValueError(
            f"{seems}, and {symbol.name} is {symbol.market}; put it below a folder named as its market"
        )
    if path not in (None, symbol.market):
        return str(path), f"of {path}, and {symbol.name} is {symbol.market}: it is not read"
    return symbol.market, f"{seems}, and its path says {path}" if looks not in (None, mine) else ""


def _brought(raw: Path, folder: Path, file: Imported, bring: Bring) -> Imported:
    source, target = folder / file.path, raw / str(file.to)
    has_grown = False
    if target.exists():
        if storage.file_digest(source) == storage.file_digest(target):
            return replace(file, state="there")
        may_grow = growth.grows(target.name)
        if may_grow and growth.is_beginning(source, target):
            return replace(file, state="there")
        has_grown = may_grow and growth.is_beginning(target, source)
        if not has_grown:
            return replace(file, state="kept", why=growth.difference(source, target))
    done = []
    # a checksum names its file: beside another name it would tell of a fault that is none
    for beside in ("", ".CHECKSUM") if source.name == target.name else ("",):
        one, other = Path(f"{source}{beside}"), Path(f"{target}{beside}")
        if one.is_file():
            done.append(bring(one, other))
    return replace(file, state="grown" if has_grown else done[0])
