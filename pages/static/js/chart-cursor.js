// The crosshair: exact values of one slot, by pointer or by arrow keys.
import { clock, day } from "./time.js";
import { fill } from "./words.js";

const KEYS = { ArrowLeft: -1, ArrowRight: 1, PageUp: -12, PageDown: 12 };
const EDGE_PX = 8;

export class Cursor {
  index = null;
  #box; #plots; #data; #words; #bubble; #stop = new AbortController();

  constructor(box, plots, data, words) {
    this.#box = box;
    this.#plots = plots;
    this.#data = data;
    this.#words = words;
    this.#bubble = box.appendChild(document.createElement("div"));
    this.#bubble.className = "bubble";
    this.#bubble.hidden = true;
    const { signal } = this.#stop;
    box.addEventListener("keydown", (event) => this.#key(event), { signal });
    box.addEventListener("blur", () => this.hide(), { signal });
    plots[0].hooks.setCursor = [(plot) => this.#follow(plot.cursor)];
  }

  end() {
    this.#stop.abort();
    this.#bubble.remove();
  }

  hide() {
    this.index = null;
    this.#bubble.hidden = true;
    for (const plot of this.#plots) plot.setCursor({ left: -10, top: -10 }, false);
  }

  move(index) {
    this.index = Math.max(0, Math.min(this.#data.x.length - 1, index));
    const left = this.#plots[0].valToPos(this.#data.x[this.index], "x");
    for (const plot of this.#plots) plot.setCursor({ left, top: 10 }, false);
    this.#show();
  }

  #key(event) {
    if (event.key === "Escape") return this.hide();
    const last = this.#data.x.length - 1;
    const ends = { Home: 0, End: last };
    if (!(event.key in KEYS) && !(event.key in ends)) return;
    event.preventDefault();
    this.move(ends[event.key] ?? (this.index ?? last + 1) + KEYS[event.key]);
  }

  #follow({ left, idx }) {
    if (left < 0 || idx === null || idx === undefined) {
      this.index = null;
      this.#bubble.hidden = true;
      return;
    }
    this.index = idx;
    this.#show();
  }

  #show() {
    this.#bubble.replaceChildren(...this.#lines().map(([tag, text]) => {
      const line = document.createElement(tag);
      line.textContent = text;
      return line;
    }));
    this.#bubble.hidden = false;
    this.#place();
  }

  #lines() {
    const { x, active, level, slot, treats } = this.#data, middle = x[this.index];
    const from = new Date((middle - slot / 2) * 1000), to = new Date((middle + slot / 2) * 1000);
    const span = ["span", fill(this.#words.span, { from: `${slot < 3600 ? "" : `${day(from)} `}${clock(from)}`, to: clock(to) })];
    const here = treats.filter(({ at }) => at >= from / 1000 && at < to / 1000);
    const said = here.map(({ result }) => ["span", result === "dispensed" ? this.#words.given : this.#words.failed]);
    if (active[this.index] === null) return [span, ["b", this.#words.none], ...said];
    const minutes = active[this.index].toFixed(1);
    return [span, ["b", fill(this.#words.active, { n: minutes })], ["span", fill(this.#words.level, { level: Math.floor(level[this.index]) })], ...said];
  }

  // Beside the line, on the side that has room.
  #place() {
    const plot = this.#plots[0], line = plot.valToPos(this.#data.x[this.index], "x") + plot.over.offsetLeft;
    const { offsetWidth: width } = this.#bubble;
    const right = line + EDGE_PX + width <= this.#box.clientWidth;
    this.#bubble.style.transform = `translate(${Math.round(right ? line + EDGE_PX : line - EDGE_PX - width)}px, 8px)`;
  }
}
