// The page's one WebSocket: a snapshot, then numbered messages. It comes back by itself and says when it is away.
import { clock } from "./time.js";
import { fill, say, words } from "./words.js";

const SIGNED_OUT = 4401, NOT_YOURS = 4404;
const RESTARTS = 1012; // the server starts anew, and another one answers already
const FIRST_WAIT_MS = 500, LONGEST_WAIT_MS = 20000, RESTART_WAIT_MS = 400;
const SLEPT_MS = 15000; // a timer of 5 s that comes this late means that the machine was asleep

export class Live {
  #path; #onChange; #socket = null; #timer = 0; #tries = 0; #seen = 0; #lostAt = null; #leaving = false;

  // onChange(type, deviceId, data): "snapshot" means that anything may have changed.
  constructor(path, onChange) {
    this.#path = path;
    this.#onChange = onChange;
    this.#watch();
    this.#open();
  }

  get connected() { return this.#lostAt === null && this.#socket?.readyState === WebSocket.OPEN; }

  #open() {
    clearTimeout(this.#timer);
    this.#seen = 0;
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}${this.#path}`);
    socket.onmessage = (event) => this.#socket === socket && this.#receive(JSON.parse(event.data));
    socket.onclose = (event) => this.#socket === socket && this.#closed(event.code);
    this.#socket = socket;
  }

  #receive(message) {
    if (message.type === "snapshot") {
      this.#tries = 0;
      this.#found();
      this.#onChange("snapshot", null, message.devices);
    } else if (message.type !== "resync") { // a resync is followed by its snapshot
      this.#seen += 1;
      if (message.n !== this.#seen) return this.#again(); // something is missing: only a new snapshot heals that
      this.#onChange(message.type, message.device, message.data);
    }
  }

  #closed(code) {
    if (this.#leaving) return;
    if (code === SIGNED_OUT) {
      location.assign(`/account/login?next=${encodeURIComponent(location.pathname)}`);
    } else if (code === NOT_YOURS) {
      location.reload();
    } else if (code === RESTARTS && this.#tries === 0) { // nothing to worry a person with, unless it fails
      this.#tries = 1;
      this.#timer = setTimeout(() => this.#open(), RESTART_WAIT_MS * Math.random());
    } else {
      this.lost();
      const wait = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** this.#tries++);
      this.#timer = setTimeout(() => this.#open(), wait * (0.5 + Math.random()));
    }
  }

  #again() {
    this.#socket.onclose = null;
    this.#socket.close();
    this.#open();
  }

  // Nothing that the page shows is known to be so any more.
  lost() {
    if (this.#lostAt) return;
    this.#lostAt = new Date();
    const bar = document.getElementById("lost");
    bar.querySelector(".words").textContent = fill(words.lost, { time: clock(this.#lostAt) });
    bar.hidden = false;
    say(bar.textContent.trim());
  }

  #found() {
    if (!this.#lostAt) return;
    this.#lostAt = null;
    document.getElementById("lost").hidden = true;
    say(words.back);
  }

  // A phone that changed networks, a laptop that woke up, a page taken out of the back-forward cache: try at once.
  #watch() {
    let last = Date.now();
    setInterval(() => {
      const slept = Date.now() - last > SLEPT_MS;
      last = Date.now();
      if (slept && !document.hidden) this.#now();
    }, 5000);
    addEventListener("online", () => this.#now());
    addEventListener("offline", () => this.lost());
    document.addEventListener("visibilitychange", () => document.hidden || this.connected || this.#now());
    addEventListener("pagehide", () => { this.#leaving = true; });
    addEventListener("pageshow", (event) => { this.#leaving = false; if (event.persisted) this.#now(); });
  }

  // The page could not be read although the socket looks well: it may be half open.
  again() {
    this.lost();
    this.#now();
  }

  #now() {
    this.#tries = 0;
    this.#again();
  }
}
