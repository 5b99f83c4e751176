// The last 24 hours: bars of active minutes, below them treats and battery on the same x axis. What was not sent
// is hatched, never bridged. Exact values by pointer or arrow keys.
import uPlot from "../vendor/uplot/uPlot.esm.js";
import { Cursor } from "./chart-cursor.js";
import { bars, battery, gapsOf, hatch, label, palette, treatsRow } from "./chart-draw.js";
import { chartWords } from "./words.js";

const SLOT_S = 300, DAY_S = 86400, AXIS_PX = 46;
const JUST_READ_MS = 1000; // the first snapshot follows the page at once
const EVERY_MS = 15000; // samples come once a minute or more often; the buckets follow within 2 s

export class Chart {
  #box; #words = chartWords(); #plots = []; #cursor = null; #timer = 0; #readAt = 0; #colours = palette();
  data = null;

  constructor(box) {
    this.#box = box;
    this.load();
    new ResizeObserver(() => this.#resize()).observe(box);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { this.#colours = palette(); this.#draw(); });
  }

  // Something happened to this collar.
  changed(type) {
    if (type === "telemetry") this.#timer ||= setTimeout(() => this.load(), EVERY_MS);
    else if (type !== "status" && Date.now() - this.#readAt > JUST_READ_MS) this.load();
  }

  async load() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#readAt = Date.now();
    const end = Math.ceil(Date.now() / 1000 / SLOT_S) * SLOT_S, start = end - DAY_S;
    try {
      const [telemetry, treats] = await Promise.all([this.#read(this.#history(start, end)), this.#read("treats")]);
      this.data = arrange(telemetry, treats.results, start, end, Date.parse(this.#box.dataset.knownFrom) / 1000);
      this.#draw();
    } catch {
      if (!this.data) label(this.#box, this.#words.missing);
    }
  }

  #history(start, end) {
    const iso = (seconds) => new Date(seconds * 1000).toISOString();
    return `telemetry?resolution=5m&shape=columns&order=asc&start=${iso(start)}&end=${iso(end)}`;
  }

  async #read(what) {
    const answer = await fetch(`/devices/${this.#box.dataset.device}/${what}`, { headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error(`${what}: ${answer.status}`);
    return answer.json();
  }

  #draw() {
    if (!this.data) return;
    const kept = this.#cursor?.index ?? null;
    for (const plot of this.#plots) plot.destroy();
    label(this.#box, "");
    const { x, active, level } = this.data;
    const top = new uPlot(this.#activity(), [x, active], this.#box);
    const below = new uPlot(this.#battery(), [x, level], this.#box);
    this.#plots = [top, below];
    this.#cursor?.end();
    this.#cursor = new Cursor(this.#box, this.#plots, this.data, this.#words);
    if (kept !== null) this.#cursor.move(kept);
  }

  #resize() {
    const { width } = this.#box.getBoundingClientRect();
    for (const plot of this.#plots) if (width && plot.width !== width) plot.setSize({ width, height: plot.height });
  }

  #options(height, padding, y, axes, hooks, series) {
    const { start, end } = this.data;
    return {
      width: this.#box.clientWidth, height, padding, hooks, axes, legend: { show: false },
      cursor: { y: false, points: { show: false }, drag: { x: false, y: false }, sync: { key: "day" } },
      scales: { x: { time: true, range: [start, end] }, y: { range: y } },
      series: [{}, { ...series, points: { show: false } }],
    };
  }

  #axis(more) {
    const { text3, line } = this.#colours;
    const font = `12px ${getComputedStyle(this.#box).fontFamily}`;
    return { stroke: text3, font, ticks: { show: false }, grid: { stroke: line, width: 1 }, ...more };
  }

  #activity() {
    const colours = this.#colours, words = this.#words;
    const y = this.#axis({ size: AXIS_PX, gap: 8, splits: [0, 2.5, 5] });
    const hooks = {
      drawClear: [(plot) => hatch(plot, this.data.gaps, colours, words.none)],
      draw: [(plot) => treatsRow(plot, this.data.treats, colours, words.treats)],
    };
    return this.#options(226, [10, 6, 30, 0], [0, 5], [{ show: false }, y], hooks, bars(uPlot, colours));
  }

  #battery() {
    const colours = this.#colours;
    const y = this.#axis({ size: AXIS_PX, gap: 8, splits: [0, 100], values: () => ["0 %", "100"] });
    const clock = (_plot, times) => times.map((time) => new Date(time * 1000).toTimeString().slice(0, 5));
    const x = this.#axis({ size: 28, gap: 8, space: 48, grid: { show: false }, values: clock, incrs: [3600, 10800, 21600, 43200] });
    const hooks = {
      drawClear: [(plot) => hatch(plot, this.data.gaps, colours, "")],
      draw: [(plot) => battery(plot, this.data, colours, this.#words.level)],
    };
    const line = { stroke: colours.text2, width: 1.75, spanGaps: false };
    return this.#options(92, [8, 6, 0, 0], [0, 100], [x, y], hooks, line);
  }
}

const first = (times) => times.length ? Date.parse(times[0]) / 1000 : Infinity;

// Buckets that have samples, laid out on every slot of the day; the others are null. x is the middle of a slot.
function arrange(telemetry, treats, start, end, knownFrom) {
  const slots = Math.round((end - start) / SLOT_S);
  const x = Array.from({ length: slots }, (_, slot) => start + slot * SLOT_S + SLOT_S / 2);
  const active = new Array(slots).fill(null), level = new Array(slots).fill(null);
  telemetry.ts.forEach((ts, row) => {
    const slot = Math.floor((Date.parse(ts) / 1000 - start) / SLOT_S);
    active[slot] = Math.min(5, telemetry.active_s[row] / 60);
    level[slot] = telemetry.battery_level_min[row];
  });
  const shown = treats.map((event) => ({ at: Date.parse(event.event_time) / 1000, result: event.result }));
  return {
    x, active, level, start, end, slot: SLOT_S,
    treats: shown.filter(({ at }) => at >= start && at < end),
    gaps: gapsOf(active, start, SLOT_S, Math.min(knownFrom, first(telemetry.ts)), Date.now() / 1000),
  };
}
