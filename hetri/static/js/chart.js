// The last 24 hours: bars of active minutes, treats, and battery on the same axis; gaps are hatched, never bridged.
import uPlot from "../vendor/uplot/uPlot.esm.js";
import { clock } from "./time.js";

const STEP = 300, DAY = 86400;
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

// One slot each 5 minutes; a slot without samples stays null.
function slots(columns, end) {
  const first = Math.floor((end - DAY) / STEP) * STEP + STEP;
  const xs = Array.from({ length: DAY / STEP }, (_, index) => first + index * STEP);
  const rows = new Map(columns.ts.map((ts, index) => [Date.parse(ts) / 1000, index]));
  if (!rows.has(xs.at(-1))) xs.pop(); // the slot that has just begun is no gap
  const pick = (key, scale) => xs.map((x) => (rows.has(x) ? columns[key][rows.get(x)] / scale : null));
  return { xs, active: pick("active_s", 60), battery: pick("battery_level_min", 1), steps: pick("steps", 1) };
}

function hatch(plot, data) {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.beginPath();
  data.xs.forEach((x, index) => {
    if (data.active[index] !== null) return;
    const left = plot.valToPos(x, "x", true), right = plot.valToPos(x + STEP, "x", true);
    ctx.rect(left, bbox.top, right - left, bbox.height);
  });
  ctx.clip();
  ctx.fillStyle = colour("sunken");
  ctx.fillRect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.strokeStyle = colour("line-strong");
  ctx.lineWidth = devicePixelRatio;
  ctx.beginPath();
  for (let x = bbox.left - bbox.height; x < bbox.left + bbox.width; x += 7 * devicePixelRatio) {
    ctx.moveTo(x, bbox.top + bbox.height);
    ctx.lineTo(x + bbox.height, bbox.top);
  }
  ctx.stroke();
  ctx.restore();
}

const axis = (more) => ({ stroke: () => colour("text-3"), font: "12px system-ui, Inter, sans-serif", grid: { stroke: () => colour("line"), width: 1 }, ticks: { show: false }, ...more });

function plotOptions(width, height, data, series, scale, showTimes) {
  return {
    width, height, legend: { show: false }, padding: [10, 8, showTimes ? 0 : 10, 0],
    cursor: { sync: { key: "day" }, drag: { x: false, y: false }, points: { show: false }, y: false },
    scales: { x: { time: true }, y: { range: scale } },
    axes: [
      axis({ show: showTimes, size: 30, grid: { show: false }, values: (_, ticks) => ticks.map((tick) => clock(tick * 1000)) }),
      axis({ size: 36, splits: () => scale[1] === 5 ? [0, 2.5, 5] : [0, 100] }),
    ],
    series: [{}, series],
    hooks: { drawClear: [(plot) => hatch(plot, data)] },
  };
}

export class DayChart {
  constructor(root, table, device) {
    Object.assign(this, { root, table, device, treats: [] });
    this.tip = document.createElement("p");
    this.tip.className = "chart-tip";
    this.tip.hidden = true;
    new ResizeObserver(() => this.data && this.draw()).observe(root);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.data && this.draw());
    root.addEventListener("keydown", (event) => this.key(event));
  }

  async load() {
    const end = new Date(), start = new Date(end - DAY * 1000);
    const query = new URLSearchParams({ start: start.toISOString(), end: end.toISOString(), resolution: "5m", shape: "columns", order: "asc" });
    const answer = await fetch(`/devices/${this.device}/telemetry?${query}`);
    if (!answer.ok) { this.root.textContent = "The chart could not be loaded. It is tried again in a minute."; return; }
    this.data = slots(await answer.json(), end / 1000);
    this.draw();
    this.fillTable();
  }

  draw() {
    this.root.replaceChildren();
    const width = this.root.clientWidth, { data } = this;
    const bars = { stroke: colour("dusk"), fill: colour("dusk"), paths: uPlot.paths.bars({ size: [0.7], align: 1 }), points: { show: false } };
    const line = { stroke: colour("text"), width: 1.5, spanGaps: false, points: { show: false } };
    this.plots = [
      new uPlot(plotOptions(width, 180, data, bars, [0, 5], false), [data.xs, data.active], this.root),
      new uPlot(plotOptions(width, 90, data, line, [0, 100], true), [data.xs, data.battery], this.root),
    ];
    this.root.append(this.tip);
    this.plots[0].over.addEventListener("mousemove", () => this.point(this.plots[0].cursor.idx));
    this.plots[0].over.addEventListener("mouseleave", () => { this.tip.hidden = true; });
  }

  point(index) {
    if (index === null || index === undefined) return;
    this.index = index;
    const { data } = this, from = data.xs[index] * 1000;
    const active = data.active[index] === null ? "no data" : `${data.active[index].toFixed(1)} min active`;
    const battery = data.battery[index] === null ? "" : `, battery ${Math.round(data.battery[index])} %`;
    this.tip.textContent = `${clock(from)} to ${clock(from + STEP * 1000)}: ${active}${battery}`;
    this.tip.hidden = false;
    const left = this.plots[0].valToPos(data.xs[index], "x") + 44;
    this.tip.style.left = `${Math.max(0, Math.min(left, this.root.clientWidth - this.tip.offsetWidth))}px`;
    this.tip.style.top = "4px";
  }

  key(event) {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!by || !this.data) return;
    event.preventDefault();
    const next = Math.max(0, Math.min(this.data.xs.length - 1, (this.index ?? this.data.xs.length) + by));
    this.plots.forEach((plot) => plot.setCursor({ left: plot.valToPos(this.data.xs[next], "x"), top: 10 }));
    this.point(next);
  }

  fillTable() {
    const { data } = this, body = this.table.tBodies[0];
    const rows = data.xs.map((x, index) => (data.active[index] === null ? null : [clock(x * 1000), data.active[index].toFixed(1), data.steps[index], Math.round(data.battery[index])]));
    body.replaceChildren(...rows.filter(Boolean).reverse().map((cells) => {
      const row = document.createElement("tr");
      row.append(...cells.map((text) => Object.assign(document.createElement("td"), { textContent: text })));
      return row;
    }));
  }
}
