// The last 24 hours, 7 or 30 days: bars of active minutes, below them treats and battery on the same x axis. What was
// not sent is hatched, never bridged. Exact values by pointer or arrow keys; a part drawn out with the pointer, or + and
// -, comes nearer, with finer bars when they fit. How wide a bar's time is follows from the room there is.
import uPlot from "../vendor/uplot/uPlot.esm.js";
import { Cursor } from "./chart-cursor.js";
import { bars, battery, before, hatch, label, palette, treatsRow } from "./chart-draw.js";
import { arrange, DAY_S, edgesOf, mostOf, resolutionOf, slotFor } from "./chart-slots.js";
import { clock, day } from "./time.js";
import { chartWords, fill } from "./words.js";

const RANGES = { "24h": DAY_S, "7d": 7 * DAY_S, "30d": 30 * DAY_S };
const NEAREST_S = 3600, CLOCK_UP_TO_S = 2 * DAY_S, HOURS_FROM_MIN = 120;
const NARROW_PX = 600, GUTTERS = { narrow: [40, 16], wide: [46, 24] }; // left and right of the bars
const TREAT_PAGES = 20;
const JUST_READ_MS = 1000; // the first snapshot follows the page at once
const EVERY_MS = 15000; // samples come once a minute or more often; the buckets follow within 2 s

export class Chart {
  #box; #words = chartWords(); #plots = []; #cursor = null; #timer = 0; #readAt = 0; #view = null; #asked = 0; #colours = palette();
  data = null;

  constructor(box) {
    this.#box = box;
    this.load();
    box.addEventListener("keydown", (event) => this.#key(event));
    box.addEventListener("dblclick", () => this.whole());
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
    const asked = ++this.#asked, span = this.#span();
    try {
      const [telemetry, treats] = await Promise.all([this.#read(this.#history(span)), this.#treats(span.start)]);
      if (asked !== this.#asked) return; // another span was wanted meanwhile
      this.data = arrange(telemetry, treats, span, Date.parse(this.#box.dataset.knownFrom) / 1000);
      this.#draw();
    } catch {
      if (!this.data) label(this.#box, this.#words.missing);
    }
  }

  // Another of the three ranges was chosen.
  ranged() { this.#view = null; this.load(); }

  whole() {
    if (!this.#view) return;
    this.#view = null;
    this.load();
  }

  #near(from, to) {
    if (to - from < NEAREST_S) return;
    this.#view = [from, to];
    this.load();
  }

  #key(event) {
    if (event.key === "Escape" || event.key === "-") return this.whole();
    if (event.key !== "+" && event.key !== "=") return;
    const { start, end } = this.#span(); // of what is wanted, drawn or not
    const half = (end - start) / 4, here = this.data.x[this.#cursor?.index ?? -1] ?? end;
    const middle = Math.min(Math.max(here, start), end);
    this.#near(Math.max(start, middle - half), Math.min(end, middle + half));
  }

  #drawnOut(plot) {
    const { left, width } = plot.select;
    if (width > 8) this.#near(plot.posToVal(left, "x"), plot.posToVal(left + width, "x"));
  }

  // What is to be drawn: slots, and the edges between them.
  #span() {
    const whole = RANGES[this.#box.dataset.range] ?? DAY_S, now = Date.now() / 1000;
    const [from, to] = this.#view ?? [now - whole, now];
    const slot = slotFor(to - from, this.#room());
    const edges = edgesOf(from, to, slot).slice(this.#view ? 0 : 1);
    return { slot, edges, start: edges[0], end: edges.at(-1) };
  }

  get #gutters() { return this.#box.clientWidth < NARROW_PX ? GUTTERS.narrow : GUTTERS.wide; }

  #room() {
    const [left, right] = this.#gutters;
    return this.#box.clientWidth - left - right;
  }

  async #treats(start) {
    const found = [];
    for (let what = "treats", pages = 0; what && pages < TREAT_PAGES; pages++) {
      const { results, next } = await this.#read(what);
      found.push(...results);
      const older = results.at(-1) && Date.parse(results.at(-1).event_time) / 1000 < start;
      what = next && !older ? `treats${new URL(next).search}` : null;
    }
    return found;
  }

  #history({ start, end, slot }) {
    const iso = (seconds) => new Date(seconds * 1000).toISOString();
    return `telemetry?resolution=${resolutionOf(slot)}&shape=columns&order=asc&start=${iso(start)}&end=${iso(end)}`;
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
    this.#say();
    const { x, active, level } = this.data;
    const top = new uPlot(this.#activity(), [x, active], this.#box);
    const below = new uPlot(this.#battery(), [x, level], this.#box);
    this.#plots = [top, below];
    this.#cursor?.end();
    this.#cursor = new Cursor(this.#box, this.#plots, this.data, this.#words);
    if (kept !== null) this.#cursor.move(kept);
  }

  #say() {
    document.getElementById("chart-unit").textContent = this.#words.units[this.data.slot];
    document.getElementById("chart-whole").hidden = !this.#view;
  }

  #resize() {
    const { width } = this.#box.getBoundingClientRect();
    if (this.data && width && this.#span().slot !== this.data.slot) return this.load();
    for (const plot of this.#plots) if (width && plot.width !== width) plot.setSize({ width, height: plot.height });
  }

  #options(height, padding, y, axes, hooks, series) {
    const { start, end } = this.data;
    return {
      width: this.#box.clientWidth, height, padding, hooks, axes, legend: { show: false },
      cursor: { y: false, points: { show: false }, drag: { x: true, y: false, setScale: false }, sync: { key: "day" } },
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
    const most = mostOf(this.data.active, this.data.slot), [left, right] = this.#gutters;
    const values = (_plot, splits) => splits.map((value) => most > HOURS_FROM_MIN ? fill(words.hours, { n: value / 60 }) : value);
    const y = this.#axis({ size: left, gap: 8, splits: [0, most / 2, most], values });
    const hooks = {
      drawClear: [(plot) => { hatch(plot, this.data.gaps, colours, words.none); before(plot, this.data, colours, this.#since()); }],
      draw: [(plot) => treatsRow(plot, this.data, colours, words.treats)],
    };
    hooks.setSelect = [(plot) => this.#drawnOut(plot)];
    return this.#options(226, [10, right, 34, 0], [0, most], [{ show: false }, y], hooks, bars(uPlot, colours));
  }

  #since() { return fill(this.#words.since, { day: day(new Date(this.data.known * 1000)) }); }

  #battery() {
    const colours = this.#colours, [left, right] = this.#gutters;
    const y = this.#axis({ size: left, gap: 8, splits: [0, 100], values: () => ["0 %", "100"] });
    const short = this.data.end - this.data.start <= CLOCK_UP_TO_S, name = short ? clock : day;
    const values = (_plot, times) => times.map((time) => name(new Date(time * 1000)));
    const incrs = short ? [300, 900, 3600, 10800, 21600, 43200] : [1, 2, 4, 7].map((days) => days * DAY_S);
    const x = this.#axis({ size: 28, gap: 8, space: short ? 48 : 64, grid: { show: false }, values, incrs });
    const hooks = {
      drawClear: [(plot) => hatch(plot, this.data.gaps, colours, "")],
      draw: [(plot) => battery(plot, this.data, Number(this.#box.dataset.battery), colours, this.#words.level)],
    };
    const line = { stroke: colours.text2, width: 1.75, spanGaps: false };
    hooks.setSelect = [(plot) => this.#drawnOut(plot)];
    return this.#options(92, [8, right, 0, 0], [0, 100], [x, y], hooks, line);
  }
}
