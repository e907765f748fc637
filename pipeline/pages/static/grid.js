/* The grid of days and symbols: drawn, filtered, and told as a list. A page's state is in its address. */
"use strict";

const ORDER = ["missing", "degraded", "available"];
const MOST_LISTED = 200;
const DAY_MS = 86_400_000;
const NAMED_FROM_PX = 14;
const AXIS_PX = 16;
const MONTH_PX = 62;

/** Kind of each day, -1 where nothing is published, from pairs of kind and count. */
function spread(runs, days) {
  const cells = new Int16Array(days).fill(-1);
  let at = 0;
  for (let i = 0; i < runs.length; i += 2) {
    cells.fill(runs[i], at, at + runs[i + 1]);
    at += runs[i + 1];
  }
  return cells;
}

class Grid {
  constructor(data) {
    this.kinds = data.kinds;
    this.first = Date.parse(data.first);
    this.days = data.days;
    this.symbols = data.symbols.map((symbol) => ({ name: symbol.name, cells: spread(symbol.runs, data.days) }));
    this.rank = Int8Array.from(data.kinds, (kind) => ORDER.indexOf(kind.condition));
    this.canvas = by("grid");
    this.context = this.canvas.getContext("2d");
  }
  date(day) { return new Date(this.first + day * DAY_MS).toISOString().slice(0, 10); }
  place(date) { return Math.round((Date.parse(date) - this.first) / DAY_MS); }
  /** What a filter leaves: rows, and for each kind whether it counts. */
  filtered({ symbol, condition, code, from, to }) {
    const wanted = symbol.trim().toUpperCase();
    this.rows = this.symbols.filter((row) => row.name.toUpperCase().includes(wanted));
    this.counts = this.kinds.map((kind) => (!condition || kind.condition === condition) && (!code || kind.codes.includes(code)));
    this.from = Math.max(0, from ? this.place(from) : 0);
    this.to = Math.min(this.days - 1, to ? this.place(to) : this.days - 1);
  }
  /** Days that the filter leaves, newest or worst first, at most so many; and how many there are. */
  found(worstFirst) {
    const lists = this.kinds.map(() => []), newest = [];
    let count = 0;
    for (let day = this.to; day >= this.from; day -= 1) {
      for (const row of this.rows) {
        const kind = row.cells[day];
        if (kind < 0 || !this.counts[kind]) continue;
        count += 1;
        const list = worstFirst ? lists[kind] : newest;
        if (list.length < MOST_LISTED) list.push([day, row.name, this.kinds[kind]]);
      }
    }
    const worse = (a, b) => this.rank[a] - this.rank[b] || this.kinds[b].codes.length - this.kinds[a].codes.length;
    const list = worstFirst ? [...lists.keys()].sort(worse).flatMap((kind) => lists[kind]) : newest;
    return { list: list.slice(0, MOST_LISTED), count };
  }
  /** Names beside the rows, where rows are high enough, and months above them. */
  label(style, scale, width) {
    const { context } = this;
    context.font = `${11 * scale}px system-ui, sans-serif`;
    context.fillStyle = style.getPropertyValue("--muted").trim();
    context.textBaseline = "middle";
    this.left = 0;
    if (this.rowHeight >= NAMED_FROM_PX) {
      const longest = Math.max(0, ...this.rows.map((row) => context.measureText(row.name).width / scale));
      this.left = Math.min(Math.ceil(longest) + 10, Math.floor(width * 0.4));
      this.rows.forEach((row, number) => context.fillText(row.name, 4 * scale, (AXIS_PX + (number + 0.5) * this.rowHeight) * scale, (this.left - 8) * scale));
    }
    this.dayWidth = (width - this.left) / Math.max(this.to - this.from + 1, 1);
    let free = 0;
    for (let day = this.from; day <= this.to; day += 1) {
      const date = this.date(day), at = this.left + (day - this.from) * this.dayWidth;
      if ((day !== this.from && !date.endsWith("-01")) || at < free || at + MONTH_PX > width) continue;
      context.fillText(date.slice(0, day === this.from ? 10 : 7), at * scale, (AXIS_PX / 2) * scale);
      free = at + MONTH_PX + (day === this.from ? 20 : 0);
    }
  }
  draw() {
    const style = getComputedStyle(document.documentElement), colour = (name) => style.getPropertyValue(`--${name}`).trim();
    const scale = devicePixelRatio || 1, width = this.canvas.parentElement.clientWidth, days = this.to - this.from + 1;
    this.rowHeight = this.rows.length <= 60 ? NAMED_FROM_PX : this.rows.length <= 120 ? 7 : 3;
    const height = AXIS_PX + Math.max(1, this.rows.length) * this.rowHeight;
    this.canvas.width = Math.floor(width * scale);
    this.canvas.height = Math.floor(height * scale);
    this.canvas.style.height = `${height}px`;
    this.label(style, scale, width);
    const edge = Math.round(this.left * scale), room = this.canvas.width - edge;
    const colours = [...ORDER.map((name) => colour(`cell-${name}`)), colour("line")];
    const columns = Math.min(room, Math.max(days, 1));
    this.rows.forEach((row, number) => {
      const top = (AXIS_PX + number * this.rowHeight) * scale, tall = Math.max(this.rowHeight * scale - (this.rowHeight > 3 ? scale : 0), 1);
      let last = -1, begun = 0;
      for (let column = 0; column <= columns; column += 1) {
        const worst = column < columns ? this.worst(row.cells, column, columns, days) : -2;
        if (worst === last && column) continue;
        if (last >= 0) {
          this.context.fillStyle = colours[last];
          const left = edge + Math.floor((begun * room) / columns), right = edge + Math.floor((column * room) / columns);
          this.context.fillRect(left, top, Math.max(right - left, 1), tall);
        }
        last = worst;
        begun = column;
      }
    });
  }
  /** The worst condition among a column's days that the filter leaves; 3 for days beside it, -1 for none. */
  worst(cells, column, columns, days) {
    const first = this.from + Math.floor((column * days) / columns);
    const last = Math.max(first + 1, this.from + Math.floor(((column + 1) * days) / columns));
    let found = -1;
    for (let day = first; day < last; day += 1) {
      const kind = cells[day];
      if (kind < 0) continue;
      if (!this.counts[kind]) { if (found < 0) found = 3; continue; }
      if (found < 0 || found === 3 || this.rank[kind] < found) found = this.rank[kind];
    }
    return found;
  }
  /** The row and the day at the mouse; the day is null beside the row's name. */
  at(event) {
    const box = this.canvas.getBoundingClientRect();
    const row = this.rows[Math.floor((event.clientY - box.top - AXIS_PX) / this.rowHeight)];
    const day = this.from + Math.floor((event.clientX - box.left - this.left) / this.dayWidth);
    return row && day <= this.to ? [row, day >= this.from ? day : null] : null;
  }
}

const NAMES = ["symbol", "condition", "code", "from", "to", "order"];

function start(data) {
  const grid = new Grid(data), form = by("filter"), suffix = document.body.dataset.suffix;
  const href = (day, name) => `day/${grid.date(day)}/${encodeURIComponent(name)}/${suffix}`;
  const words = (day, name, kind) => `${name} ${grid.date(day)}: ${kind.condition}${kind.codes.length ? `, ${kind.codes.join(", ")}` : ""}`;

  function list({ list: found, count }) {
    by("count").textContent = `${count.toLocaleString("en")} symbol-days${count > MOST_LISTED ? `, the ${form.elements.order.value || "newest"} ${MOST_LISTED} below` : ""}`;
    by("found").replaceChildren(...found.map(([day, name, kind]) => {
      const item = document.createElement("li"), link = document.createElement("a");
      link.href = href(day, name);
      link.textContent = `${name} ${grid.date(day)}`;
      item.className = kind.condition;
      item.append(link, ` ${kind.condition}${kind.codes.length ? `: ${kind.codes.join(", ")}` : ""}`);
      return item;
    }));
  }
  function apply() {
    const began = performance.now();
    grid.filtered(Object.fromEntries(NAMES.map((name) => [name, form.elements[name].value])));
    grid.draw();
    list(grid.found(form.elements.order.value === "worst"));
    document.body.dataset.milliseconds = String(Math.round(performance.now() - began));
  }
  function remember() {
    const kept = new URLSearchParams(NAMES.filter((name) => form.elements[name].value).map((name) => [name, form.elements[name].value]));
    history.replaceState(null, "", kept.size ? `#${kept}` : location.pathname + location.search);
  }
  function fromAddress() {
    const kept = new URLSearchParams(location.hash.slice(1));
    for (const name of NAMES) if (kept.has(name)) form.elements[name].value = kept.get(name);
    apply();
  }
  form.elements.from.value = grid.date(Math.max(0, grid.days - 365));
  form.elements.to.value = grid.date(grid.days - 1);
  form.addEventListener("input", () => { apply(); remember(); });
  form.addEventListener("submit", (event) => event.preventDefault());
  grid.canvas.addEventListener("mousemove", (event) => {
    const hit = grid.at(event), kind = hit && hit[1] !== null ? hit[0].cells[hit[1]] : 0;
    by("hint").textContent = !hit ? "" : hit[1] === null ? `${hit[0].name} over months` : kind < 0 ? `${hit[0].name} ${grid.date(hit[1])}: not published` : words(hit[1], hit[0].name, grid.kinds[kind]);
    grid.canvas.style.cursor = hit && kind >= 0 ? "pointer" : "default";
  });
  grid.canvas.addEventListener("click", (event) => {
    const hit = grid.at(event);
    if (hit && hit[1] === null) location.href = `symbols/${encodeURIComponent(hit[0].name)}/${suffix}`;
    else if (hit && hit[0].cells[hit[1]] >= 0) location.href = href(hit[1], hit[0].name);
  });
  addEventListener("resize", () => grid.draw());
  addEventListener("hashchange", fromAddress);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => grid.draw());
  fromAddress();
  document.body.dataset.ready = "yes";
}

unpacked(by("data").textContent).then(start);
