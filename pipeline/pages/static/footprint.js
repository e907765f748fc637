/* Drawn by the chart library's own interfaces: cells of a footprint, the profile beside them, marks.
   Belongs here: pixels. Which minute is chosen, and what is said of it, is day.js. */
"use strict";

const CELLS_FROM_PX = 14;
const TEXT_FROM_PX = 74;
const TEXT_LINE_PX = 11;
const CELL_PX = 3;
const STEPS = [1, 2, 5];
const PROFILE_SHARE = 0.16;
const PROFILE_ROWS = 220;

/** The cells by minute, as {price, buy, sell, volume} in the table's units, prices rising. */
function minutesOf(cells) {
  const minutes = new Map();
  const price = 10 ** -cells.price_places, lot = 10 ** -cells.lot_places;
  let minute = 0, first = 0, at = 0;
  for (let i = 0; i < cells.minute.length; i += 1) {
    if (i === 0 || cells.minute[i]) {
      minute += cells.minute[i];
      first += cells.price[i] * cells.step;
      at = first;
      minutes.set(minute, []);
    } else {
      at += cells.price[i] * cells.step;
    }
    minutes.get(minute).push({
      price: at * price, buy: cells.buy[i] * lot, sell: cells.sell[i] * lot, volume: cells.volume[i] * lot,
    });
  }
  return minutes;
}

/** A minute's cells with the prices put together by so many levels. */
function together(cells, step, levels) {
  if (levels === 1) return cells;
  const found = new Map(), high = step * levels;
  for (const cell of cells) {
    const key = Math.floor(cell.price / high + 1e-9);
    const sum = found.get(key) ?? { price: (key + 0.5) * high - step / 2, buy: 0, sell: 0, volume: 0 };
    found.set(key, { price: sum.price, buy: sum.buy + cell.buy, sell: sum.sell + cell.sell, volume: sum.volume + cell.volume });
  }
  return [...found.values()];
}

/** How many levels a cell needs so that it is high enough to be seen. */
function levelsFor(stepPx, least) {
  for (let power = 1; ; power *= 10) {
    const found = STEPS.find((step) => step * power * stepPx >= least);
    if (found !== undefined) return found * power;
  }
}

/** Which cells' buys or sells outweigh the other side one level away, `ratio` times. */
function imbalances(levels, step, ratio) {
  const near = (a, b) => a !== undefined && Math.abs(b.price - a.price - step) < step / 2;
  return levels.map((cell, i) => ({
    buy: near(levels[i - 1], cell) && cell.buy >= ratio * levels[i - 1].sell && cell.buy > 0,
    sell: near(cell, levels[i + 1] ?? { price: NaN }) && cell.sell >= ratio * levels[i + 1].buy && cell.sell > 0,
  }));
}

function short(value) {
  const size = Math.abs(value);
  if (size >= 1e6) return `${(value / 1e6).toPrecision(3)}M`;
  if (size >= 1e4) return `${(value / 1e3).toPrecision(3)}k`;
  return String(Number(value.toPrecision(3)));
}

/** A series of minutes; each is cells where they have room, nothing where a candle says as much. */
class FootprintSeries {
  constructor(step, ratio, colours) {
    Object.assign(this, { step, ratio, colours, data: null });
  }
  renderer() { return this; }
  update(data) { this.data = data; }
  priceValueBuilder(row) { return [row.low, row.high, row.close]; }
  isWhitespace(row) { return row.cells === undefined; }
  defaultOptions() {
    return { ...LightweightCharts.customSeriesDefaultOptions, priceLineVisible: false, lastValueVisible: false };
  }
  draw(target, toY) {
    if (!this.data?.visibleRange || this.data.barSpacing < CELLS_FROM_PX) return;
    target.useBitmapCoordinateSpace((scope) => this.paint(scope, toY));
  }
  paint({ context, horizontalPixelRatio: h, verticalPixelRatio: v }, toY) {
    const { from, to } = this.data.visibleRange;
    const width = this.data.barSpacing * 0.9, bars = this.data.bars.slice(from, to);
    if (!bars.length) return;
    const price = bars[0].originalData.close, stepPx = Math.abs(toY(price) - toY(price + this.step));
    if (!(stepPx > 0)) return;
    const levels = levelsFor(stepPx, width >= TEXT_FROM_PX ? TEXT_LINE_PX + 1 : CELL_PX);
    for (const bar of bars) {
      this.minute(context, bar, { width, levels, h, v }, toY);
    }
  }
  minute(context, bar, { width, levels, h, v }, toY) {
    const step = this.step * levels, colours = this.colours();
    const cells = together(bar.originalData.cells, this.step, levels);
    const most = Math.max(...cells.map((cell) => cell.volume));
    const marked = imbalances(cells, step, this.ratio);
    const left = (bar.x - width / 2) * h, half = (width / 2) * h;
    cells.forEach((cell, i) => {
      const top = toY(cell.price + step / 2) * v, bottom = toY(cell.price - step / 2) * v;
      const height = Math.max(bottom - top - v, 1);
      context.fillStyle = colours.sheet;
      context.fillRect(left, top, 2 * half, height + v);
      for (const [side, x] of [["sell", left], ["buy", left + half]]) {
        context.globalAlpha = most ? 0.08 + 0.72 * (cell[side] / most) : 0.08;
        context.fillStyle = colours[side];
        context.fillRect(x, top, half - h, height);
        context.globalAlpha = 1;
        if (marked[i][side]) {
          context.fillStyle = colours[side];
          context.fillRect(side === "sell" ? x : x + half - 3.5 * h, top, 2.5 * h, height);
        }
      }
      if (cell.volume === most) {
        context.strokeStyle = colours.ink;
        context.lineWidth = v;
        context.strokeRect(left, top, 2 * half - h, height);
      }
      if (width >= TEXT_FROM_PX && height / v >= TEXT_LINE_PX) {
        context.fillStyle = colours.ink;
        context.font = `${10 * v}px system-ui, sans-serif`;
        context.textBaseline = "middle";
        context.textAlign = "right";
        context.fillText(short(cell.sell), left + half - 5 * h, top + height / 2);
        context.textAlign = "left";
        context.fillText(short(cell.buy), left + half + 5 * h, top + height / 2);
      }
    });
  }
}

/** Beside the candles: the volume by price of the minutes that are in sight, and the chosen minute. */
class Profile {
  constructor(minutes, colours) {
    Object.assign(this, { minutes, colours, chosen: null, range: [0, 1439] });
  }
  attached({ chart, series, requestUpdate }) {
    Object.assign(this, { chart, series, update: requestUpdate });
  }
  updateAllViews() {}
  paneViews() {
    return [{ zOrder: () => "bottom", renderer: () => ({ draw: (target) => this.draw(target) }) }];
  }
  choose(minute) { this.chosen = minute; this.update?.(); }
  inSight(range) { this.range = range; this.update?.(); }
  /** Rows of equal height, each [low price, high price, volume]. */
  rows(height) {
    const count = Math.min(PROFILE_ROWS, Math.max(8, Math.floor(height / 3)));
    const high = this.series.coordinateToPrice(0), low = this.series.coordinateToPrice(height);
    if (high === null || low === null || !(high > low)) return [];
    const rows = Array.from({ length: count }, (_, n) => [low + ((high - low) * n) / count, low + ((high - low) * (n + 1)) / count, 0]);
    for (let minute = this.range[0]; minute <= this.range[1]; minute += 1) {
      for (const cell of this.minutes.get(minute) ?? []) {
        const at = Math.floor(((cell.price - low) / (high - low)) * count);
        if (at >= 0 && at < count) rows[at][2] += cell.volume;
      }
    }
    return rows;
  }
  draw(target) {
    target.useBitmapCoordinateSpace(({ context, bitmapSize, mediaSize, horizontalPixelRatio: h, verticalPixelRatio: v }) => {
      const colours = this.colours();
      const x = this.chosen === null ? null : this.chart.timeScale().logicalToCoordinate(this.chosen);
      if (x !== null) {
        const width = Math.max(this.chart.timeScale().options().barSpacing, 2);
        context.fillStyle = colours.line;
        context.fillRect((x - width / 2) * h, 0, width * h, bitmapSize.height);
      }
      if (!this.minutes.size) return;
      const rows = this.rows(mediaSize.height), most = Math.max(...rows.map((row) => row[2]));
      context.globalAlpha = 0.35;
      context.fillStyle = colours.still;
      for (const [low, high, volume] of rows) {
        if (!volume) continue;
        const top = this.series.priceToCoordinate(high) * v, bottom = this.series.priceToCoordinate(low) * v;
        const width = PROFILE_SHARE * bitmapSize.width * (volume / most);
        context.fillRect(bitmapSize.width - width, top, width, Math.max(bottom - top - 0.5 * v, 1));
      }
      context.globalAlpha = 1;
    });
  }
}

/** Kinds of marks in rows above each other, a stroke a minute. */
class MarksSeries {
  constructor(kinds, colours) {
    Object.assign(this, { kinds, colours, data: null });
  }
  renderer() { return this; }
  update(data) { this.data = data; }
  priceValueBuilder() { return [0, this.kinds.length, 0]; }
  isWhitespace(row) { return row.kinds === undefined; }
  defaultOptions() {
    return { ...LightweightCharts.customSeriesDefaultOptions, priceLineVisible: false, lastValueVisible: false };
  }
  draw(target, toY) {
    if (!this.data?.visibleRange) return;
    target.useBitmapCoordinateSpace(({ context, horizontalPixelRatio: h, verticalPixelRatio: v }) => {
      const { from, to } = this.data.visibleRange, colours = this.colours();
      const width = Math.max(this.data.barSpacing, 1.5) * h;
      for (const bar of this.data.bars.slice(from, to)) {
        for (const kind of bar.originalData.kinds) {
          const row = this.kinds.findIndex((known) => known.name === kind);
          const top = toY(this.kinds.length - row - 0.15) * v, bottom = toY(this.kinds.length - row - 0.85) * v;
          context.fillStyle = colours[this.kinds[row].colour];
          context.fillRect(bar.x * h - width / 2, top, width, bottom - top);
        }
      }
    });
  }
}
