// The crosshair: exact values of one slot, by pointer or by arrow keys.
import { DAY_S } from "./chart-slots.js";
import { clock, dayName } from "./time.js";
import { fill, say } from "./words.js";

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
    say(this.#lines().map(([, text]) => text).join(". "));
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
    const { active, level, edges, slot, treats } = this.#data, words = this.#words, index = this.index;
    const [from, to] = [edges[index], edges[index + 1]].map((at) => new Date(at * 1000));
    const times = slot === DAY_S ? "" : fill(words.span, { from: clock(from), to: clock(to) });
    const span = ["span", `${dayName(from)} ${times}`.trim()];
    const here = treats.filter(({ at }) => at >= edges[index] && at < edges[index + 1]);
    const given = here.filter(({ result }) => result === "dispensed").length;
    const counts = [[given, words.given, words.givens], [here.length - given, words.failed, words.faileds]];
    const said = counts.filter(([n]) => n).map(([n, one, more]) => ["span", n > 1 ? fill(more, { n }) : one]);
    if (active[index] === null) return [span, ["b", words.none], ...said];
    return [span, ["b", this.#active(active[index])], ["span", fill(words.level, { level: Math.floor(level[index]) })], ...said];
  }

  #active(minutes) {
    const whole = Math.round(minutes), h = Math.floor(whole / 60);
    if (h) return fill(this.#words.activeHours, { h, m: whole % 60 });
    return fill(this.#words.active, { n: minutes > 0 && minutes < 9.95 ? minutes.toFixed(1) : whole });
  }

  // Beside the line, on the side that has room, above the bars that it tells of.
  #place() {
    const plot = this.#plots[0], line = plot.valToPos(this.#data.x[this.index], "x") + plot.over.offsetLeft;
    const { offsetWidth: width } = this.#bubble;
    const right = line + EDGE_PX + width <= this.#box.clientWidth;
    this.#bubble.style.transform = `translate(${Math.round(right ? line + EDGE_PX : line - EDGE_PX - width)}px, ${-this.#bubble.offsetHeight}px)`;
  }
}
