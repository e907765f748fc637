/* The page of a day: its chart, the chosen minute and what is known of it, the table.
   Everything is in the page; nothing is asked of a network. Texts of vendors are set as text, never as markup. */
"use strict";

const MINUTES = 1440;
const KINDS = [
  { name: "no kline", colour: "bad" },
  { name: "outage", colour: "outage" },
  { name: "flagged", colour: "aside" },
  { name: "line set aside", colour: "second" },
];
const GROUPS = [
  ["Exchange", ["open", "high", "low", "close", "volume", "quote_volume", "trades", "taker_buy_volume"]],
  ["Order flow", ["delta", "delta_source", "cvd", "vbuy", "vsell", "poc", "vah", "val", "proven"]],
  ["ATAS", ["atas_open", "atas_high", "atas_low", "atas_close", "atas_volume", "basis_bps", "cvd_export", "oi"]],
];

const clock = (minute) => `${String(Math.floor(minute / 60)).padStart(2, "0")}:${String(minute % 60).padStart(2, "0")}`;
const minuteOf = (text) => {
  const found = /^([01]\d|2[0-3]):([0-5]\d)$/.exec(text ?? "");
  return found ? 60 * Number(found[1]) + Number(found[2]) : null;
};
const within = (value, low, high) => Math.min(high, Math.max(low, value));

function make(tag, text, className) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

/** A code, on the site a link to its words. */
function coded(code) {
  const { root, suffix } = document.body.dataset;
  if (root === undefined) return make("b", code);
  const link = make("a", code, "code");
  link.href = `${root}codes/${encodeURIComponent(code)}/${suffix}`;
  return link;
}

function said(value) {
  if (value === null || value === undefined) return "–";
  if (value === true || value === false) return value ? "yes" : "no";
  return typeof value === "number" ? value.toLocaleString("en", { maximumSignificantDigits: 10, useGrouping: false }) : String(value);
}

function colours() {
  const style = getComputedStyle(document.documentElement);
  const of = (name) => style.getPropertyValue(`--${name}`).trim();
  return {
    ink: of("ink"), muted: of("muted"), line: of("line"), sheet: of("sheet"), still: of("still"),
    buy: of("first"), sell: of("second"), second: of("second"), third: of("third"),
    bad: of("bad"), outage: of("outage"), aside: of("aside"),
  };
}

/** Minute -> names of KINDS. */
function marksOf(day) {
  const marks = Array.from({ length: MINUTES }, () => []);
  const flags = day.columns.qc_flags ?? [], known = day.columns.src_binance ?? [];
  const outage = day.flags.filter((flag) => flag.name === "known_outage").map((flag) => 2 ** flag.bit)[0] ?? 0;
  for (let minute = 0; minute < MINUTES; minute += 1) {
    const bits = flags[minute] ?? 0;
    if (known[minute] === false || known[minute] === null) marks[minute].push("no kline");
    if (outage && Math.floor(bits / outage) % 2) marks[minute].push("outage");
    if (bits) marks[minute].push("flagged");
  }
  for (const reject of day.rejects) {
    if (reject.minute !== null && !marks[reject.minute].includes("line set aside")) marks[reject.minute].push("line set aside");
  }
  return marks;
}

class DayChart {
  constructor(day, start, onChoose) {
    Object.assign(this, { day, start, onChoose });
    this.marks = marksOf(day);
    this.cells = day.cells ? minutesOf(day.cells) : new Map();
    this.theme = colours();
    this.chart = LightweightCharts.createChart(by("chart"), this.options());
    this.addSeries();
    this.chart.subscribeClick((event) => { if (event.time !== undefined) onChoose((event.time - start) / 60); });
    this.chart.timeScale().subscribeVisibleLogicalRangeChange((range) => this.seen(range));
  }
  options() {
    const { ink, muted, line, sheet } = this.theme;
    return {
      autoSize: true,
      layout: { background: { type: "solid", color: sheet }, textColor: muted, attributionLogo: false, fontFamily: "system-ui, sans-serif", panes: { separatorColor: line, enableResize: true } },
      grid: { vertLines: { color: line }, horzLines: { color: line } },
      crosshair: { mode: LightweightCharts.CrosshairMode.Normal, vertLine: { color: ink }, horzLine: { color: ink } },
      rightPriceScale: { borderColor: line, minimumWidth: 64, entireTextOnly: true },
      timeScale: { borderColor: line, timeVisible: true, secondsVisible: false, minBarSpacing: 0.1, rightOffset: 0, fixLeftEdge: true, fixRightEdge: true },
      localization: { locale: "en-GB" },
    };
  }
  points(of) {
    return Array.from({ length: MINUTES }, (_, minute) => {
      const time = this.start + 60 * minute, point = of(minute);
      return point === null ? { time } : { time, ...point };
    });
  }
  column(name) {
    const values = this.day.columns[name];
    return values ? (minute) => values[minute] : () => null;
  }
  addSeries() {
    const LC = LightweightCharts, theme = () => this.theme;
    const price = ["open", "high", "low", "close"].map((name) => this.column(name));
    const candle = (minute) => {
      const [open, high, low, close] = price.map((of) => of(minute));
      return close === null ? null : { open, high, low, close };
    };
    this.candles = this.chart.addSeries(LC.CandlestickSeries, { priceLineVisible: false, lastValueVisible: false, priceFormat: this.priceFormat() });
    this.candles.setData(this.points(candle));
    if (this.day.cells) this.addCells(candle, theme);
    this.profile = new Profile(this.cells, theme);
    this.candles.attachPrimitive(this.profile);
    this.panes = [4];
    this.addVolume();
    this.addFlow();
    this.bands = [];
    if (this.day.columns.basis_bps) this.addBand(this.column("basis_bps"), "third");
    if (this.day.skew) {
      const [first, last] = this.day.skew;
      this.addBand((minute) => first + ((last - first) * minute) / (MINUTES - 1), "outage");
    }
    this.addMarks(theme);
    this.chart.panes().forEach((pane, number) => pane.setStretchFactor(this.panes[number]));
    this.coloured();
  }
  priceFormat() {
    const places = this.day.cells?.price_places ?? Math.max(...(this.day.columns.close ?? [0]).map((value) => (String(value).split(".")[1] ?? "").length));
    return { type: "price", precision: places, minMove: 10 ** -places };
  }
  addCells(candle, theme) {
    const { step, price_places: places, poc, vah, val } = this.day.cells;
    const view = new FootprintSeries(step * 10 ** -places, this.day.imbalance_ratio, theme);
    const footprint = this.chart.addCustomSeries(view, { priceFormat: this.priceFormat() });
    footprint.setData(this.points((minute) => {
      const cells = this.cells.get(minute), bar = candle(minute);
      return cells && bar ? { ...bar, cells } : null;
    }));
    this.lines = [["POC", poc], ["VAH", vah], ["VAL", val]].map(([title, at]) =>
      this.candles.createPriceLine({ price: at * 10 ** -places, title, lineWidth: 1, lineStyle: title === "POC" ? 0 : 2, axisLabelVisible: false }));
  }
  addVolume() {
    const of = this.column("volume"), [open, close] = ["open", "close"].map((name) => this.column(name));
    this.volume = this.chart.addSeries(LightweightCharts.HistogramSeries, { priceFormat: { type: "volume" }, priceLineVisible: false, lastValueVisible: false }, this.panes.length);
    this.volumePoints = () => this.points((minute) => of(minute) === null ? null
      : { value: of(minute), color: close(minute) >= open(minute) ? this.theme.buy : this.theme.sell });
    this.panes.push(1);
  }
  addFlow() {
    const delta = this.column("delta"), cvd = this.column("cvd"), pane = this.panes.length;
    const plain = { priceFormat: { type: "volume" }, priceLineVisible: false, lastValueVisible: false };
    this.delta = this.chart.addSeries(LightweightCharts.HistogramSeries, { ...plain, priceScaleId: "delta" }, pane);
    this.deltaPoints = () => this.points((minute) => delta(minute) === null ? null
      : { value: delta(minute), color: delta(minute) >= 0 ? this.theme.buy : this.theme.sell });
    this.cvd = this.chart.addSeries(LightweightCharts.LineSeries, { ...plain, lineWidth: 2, crosshairMarkerVisible: false }, pane);
    this.cvd.setData(this.points((minute) => cvd(minute) === null ? null : { value: cvd(minute) }));
    this.panes.push(1.4);
  }
  addBand(of, colour) {
    const series = this.chart.addSeries(LightweightCharts.LineSeries, { priceLineVisible: false, lastValueVisible: false, lineWidth: 2, crosshairMarkerVisible: false, priceFormat: { type: "price", precision: 2, minMove: 0.01 } }, this.panes.length);
    series.setData(this.points((minute) => of(minute) === null ? null : { value: of(minute) }));
    this.bands.push([series, colour]);
    this.panes.push(0.5);
  }
  addMarks(theme) {
    const there = KINDS.filter((kind) => this.marks.some((marks) => marks.includes(kind.name)));
    if (!there.length) return;
    const series = this.chart.addCustomSeries(new MarksSeries(there, theme), { priceFormat: { type: "custom", formatter: () => "" } }, this.panes.length);
    series.setData(this.points((minute) => this.marks[minute].length ? { kinds: this.marks[minute] } : null));
    series.priceScale().applyOptions({ scaleMargins: { top: 0, bottom: 0 } });
    this.panes.push(0.14 * there.length + 0.1);
    this.kinds = there;
  }
  /** What has a colour of its own takes it from the page, in light and in dark. */
  coloured() {
    this.theme = colours();
    const { buy, sell, ink, muted } = this.theme;
    this.chart.applyOptions(this.options());
    this.candles.applyOptions({ borderUpColor: buy, borderDownColor: sell, wickUpColor: buy, wickDownColor: sell });
    this.filled = undefined;
    this.fill();
    this.volume.setData(this.volumePoints());
    this.delta.setData(this.deltaPoints());
    this.cvd.applyOptions({ color: ink });
    this.bands.forEach(([series, colour]) => series.applyOptions({ color: this.theme[colour] }));
    (this.lines ?? []).forEach((line) => line.applyOptions({ color: muted, axisLabelColor: muted }));
  }
  /** Candles are hollow where the cells of the footprint stand in them. */
  fill() {
    const filled = !this.day.cells || this.chart.timeScale().options().barSpacing < CELLS_FROM_PX;
    if (filled === this.filled) return;
    this.filled = filled;
    const { buy, sell } = this.theme, hollow = "rgba(0, 0, 0, 0)";
    this.candles.applyOptions({ upColor: filled ? buy : hollow, downColor: filled ? sell : hollow, borderVisible: !filled });
  }
  seen(range) {
    if (!range) return;
    this.fill();
    this.range = [within(Math.ceil(range.from), 0, MINUTES - 1), within(Math.floor(range.to), 0, MINUTES - 1)];
    this.profile?.inSight(this.range);
  }
  show(minutes, around) {
    const from = minutes >= MINUTES ? 0 : within(around - minutes / 2, 0, MINUTES - minutes);
    this.chart.timeScale().setVisibleLogicalRange({ from: from - 0.5, to: from + Math.min(minutes, MINUTES) - 0.5 });
  }
  choose(minute) {
    this.profile.choose(minute);
    const [from, to] = this.range ?? [0, MINUTES - 1];
    if (minute < from || minute > to) this.show(to - from + 1, minute);
  }
}

/** What is known of a minute, as parts of a page. */
function told(day, minute) {
  const value = (name) => day.columns[name]?.[minute] ?? null;
  const parts = [];
  const bits = value("qc_flags") ?? 0;
  const flags = day.flags.filter((flag) => Math.floor(bits / 2 ** flag.bit) % 2);
  if (flags.length) {
    const list = make("ul", undefined, "flags");
    for (const flag of flags) {
      const item = make("li");
      item.append(coded(flag.code), ` ${flag.words}`);
      list.append(item);
    }
    parts.push(make("h3", "Flags"), list);
  }
  for (const [title, names] of GROUPS) {
    const there = names.filter((name) => day.columns[name]);
    if (!there.length) continue;
    const list = make("dl");
    for (const name of there) {
      const pair = make("div");
      pair.append(make("dt", name), make("dd", said(value(name))));
      list.append(pair);
    }
    parts.push(make("h3", title), list);
  }
  return [...parts, ...linesOf(day, minute), ...rejectsOf(day, minute)];
}

function linesOf(day, minute) {
  const parts = [make("h3", "Raw lines")];
  if (!day.lines) return [...parts, make("p", "What was prepared of this day is not here; the file and line of each row are known where the day is built.")];
  const own = day.lines.lines.filter((line) => line[0] === minute);
  if (!own.length) return [...parts, make("p", "No raw line is of this minute.")];
  for (const [, source, first, last, count, text] of own) {
    const [feed, path] = day.lines.sources[source];
    const lines = count === 1 ? `line ${first}` : last - first + 1 === count ? `lines ${first} to ${last}` : `${count} lines between ${first} and ${last}`;
    const place = make("p", undefined, "place");
    place.append(make("b", feed), ` ${path}, ${lines}`);
    parts.push(place);
    if (text !== null) parts.push(make("pre", text));
  }
  return parts;
}

function rejectsOf(day, minute) {
  const own = day.rejects.filter((reject) => reject.minute === minute);
  if (!own.length) return [];
  const parts = [make("h3", "Set aside, stamped with this minute")];
  for (const reject of own) {
    const place = make("p", undefined, "place");
    place.append(coded(reject.code), ` ${reject.reason}: ${reject.file}, line ${reject.line}`);
    parts.push(place);
    if (reject.raw) parts.push(make("pre", reject.raw));
  }
  return parts;
}

const TABLE = ["open", "high", "low", "close", "volume", "delta", "cvd", "delta_source"];

function fillTable(day, marks, hour, choose) {
  const body = by("rows");
  body.replaceChildren();
  for (let minute = 60 * hour; minute < 60 * hour + 60; minute += 1) {
    const row = make("tr"), head = make("th"), button = make("button", clock(minute));
    button.addEventListener("click", () => choose(minute));
    head.scope = "row";
    head.append(button);
    row.append(head, ...TABLE.map((name) => make("td", said(day.columns[name]?.[minute]))), make("td", marks[minute].join(", ")));
    body.append(row);
  }
}

function start(day) {
  const first = Date.parse(`${day.date}T00:00:00Z`) / 1000;
  const lengths = [...document.querySelectorAll("[data-minutes]")];
  let chosen = null, span = MINUTES;

  const remember = () => {
    const state = chosen === null ? "" : `#${clock(chosen)}/${span}`;
    history.replaceState(null, "", state || location.pathname + location.search);
  };
  const chart = new DayChart(day, first, (minute) => choose(minute));
  const marked = chart.marks.flatMap((marks, minute) => (marks.length ? [minute] : []));

  function zoom(minutes) {
    span = within(minutes, 6, MINUTES);
    chart.show(span, chosen ?? MINUTES / 2);
    lengths.forEach((button) => button.setAttribute("aria-pressed", String(Number(button.dataset.minutes) === span)));
    if (chosen !== null) remember();
  }
  function choose(minute) {
    chosen = within(Math.round(minute), 0, MINUTES - 1);
    chart.choose(chosen);
    by("minute").value = clock(chosen);
    by("chosen").textContent = `${clock(chosen)} UTC`;
    by("told").replaceChildren(...told(day, chosen));
    const value = (name) => said(day.columns[name]?.[chosen]);
    by("said").textContent = `${clock(chosen)}: close ${value("close")}, volume ${value("volume")}, delta ${value("delta")}. ${chart.marks[chosen].join(", ")}`;
    remember();
  }
  const toMark = (step) => {
    const from = chosen ?? (step > 0 ? -1 : MINUTES);
    const found = step > 0 ? marked.find((minute) => minute > from) : marked.findLast((minute) => minute < from);
    if (found !== undefined) choose(found);
  };
  const keys = {
    ArrowLeft: () => choose((chosen ?? 1) - 1), ArrowRight: () => choose((chosen ?? -1) + 1),
    PageUp: () => choose((chosen ?? 60) - 60), PageDown: () => choose((chosen ?? 0) + 60),
    Home: () => choose(0), End: () => choose(MINUTES - 1),
    "+": () => zoom(Math.round(span / 2)), "=": () => zoom(Math.round(span / 2)), "-": () => zoom(span * 2),
    n: () => toMark(1), p: () => toMark(-1),
  };
  by("chart").addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  });
  lengths.forEach((button) => button.addEventListener("click", () => zoom(Number(button.dataset.minutes))));
  by("next").addEventListener("click", () => toMark(1));
  by("previous").addEventListener("click", () => toMark(-1));
  for (const id of ["next", "previous"]) by(id).disabled = !marked.length;
  by("minute").addEventListener("change", () => { const at = minuteOf(by("minute").value); if (at !== null) choose(at); });
  by("hour").addEventListener("change", () => fillTable(day, chart.marks, Number(by("hour").value), choose));
  fillTable(day, chart.marks, 0, choose);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => chart.coloured());

  for (const kind of chart.kinds ?? []) {
    const count = chart.marks.filter((marks) => marks.includes(kind.name)).length;
    const item = make("li", undefined, kind.colour);
    item.append(make("i"), make("span", `${kind.name}: ${count} min`));
    by("legend").append(item);
  }
  function fromAddress() {
    const [time, minutes] = location.hash.slice(1).split("/");
    const at = minuteOf(time);
    if (at !== null) chosen = at;
    zoom(Number(minutes) || MINUTES);
    if (at !== null) choose(at);
    if (at !== null) by("chart").scrollIntoView({ block: "nearest" });
  }
  addEventListener("hashchange", fromAddress);
  fromAddress();
  document.body.dataset.ready = "yes";
}

unpacked(by("data").textContent).then(start);
