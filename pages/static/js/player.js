// The collar's camera on its page. The server writes why there is no picture; from "Start live view" on this does.
// Watching costs the collar's battery: what nobody looks at is not fetched, and 15 s later the camera is off.
import { playerWords, fill, say } from "./words.js";
import { seconds } from "./time.js";

const ASK_MS = 250, ASK_AGAIN_MS = 3000, START_MS = 22000, FIND_MS = 11000, RENEW_MS = 60000, AGAIN_MS = 1500, GIVE_UP_MS = 60000, HIDDEN_MS = 30000;
const NEAR_LIVE = { liveSyncDuration: 1.5, liveMaxLatencyDuration: 6, maxLiveSyncPlaybackRate: 1.2, backBufferLength: 5 };
const ON_ITS_SIDE = matchMedia("(orientation: landscape) and (max-height: 500px)"); // as in pages.css
const words = playerWords();
const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

export class Player {
  #section; #part; #device; #url = ""; #token = ""; #hls = null; #state = "off"; #turn = 0; #fast = false;
  #lostAt = null; #tries = 0; #askedAt = 0; #asleep = 0; #slept = false; #stage = null; #tools = null; #status = null;
  #before = []; #told = ""; #hear = null;

  constructor(section, part) {
    this.#section = section;
    this.#part = part;
    this.#device = section.dataset.player;
    section.addEventListener("click", (event) => this.#pressed(event));
    section.addEventListener("keydown", (event) => this.#key(event));
    setInterval(() => this.#playing() && this.#renew(), RENEW_MS);
    setInterval(() => (this.#state === "live" || this.#state === "starting") && this.#bar(), 1000);
    addEventListener("online", () => this.#playing() && this.#lost());
    addEventListener("pageshow", (event) => event.persisted && this.#playing() && this.#lost());
    document.addEventListener("visibilitychange", () => this.#looked());
    ON_ITS_SIDE.addEventListener("change", () => this.#fit());
    if (location.hash === "#watch" && section.querySelector("[data-watch]")) this.start();
  }

  // What the socket tells of streams; presence and settings come with the page's part.
  changed(type, data) {
    if (type !== "stream") return;
    this.#told = data.state === "live" ? data.stream : "";
    this.#hear?.();
    if (data.state !== "ended" || !this.#playing()) return;
    if (["camera_off", "owner_left", "retired", "staff"].includes(data.reason)) this.#off();
    else if (data.reason === "gave_way") this.#busy(this.#turn += 1);
    else if (data.reason !== "unwatched") this.#fail(words[`ended_${data.reason}`] ?? words.silent);
  }

  async start() {
    const turn = this.#turn += 1;
    this.#take();
    this.#lostAt = null;
    this.#tries = 0;
    this.#askedAt = Date.now();
    this.#show("starting", { title: words.starting, detail: words.usually, button: words.cancel, act: "stop" });
    await this.#begin(turn);
  }

  #playing() { return ["starting", "live", "lost"].includes(this.#state); }

  // Asks for the stream, waits for its first segment, plays it.
  async #begin(turn) {
    const deadline = Date.now() + (this.#state === "lost" ? FIND_MS : START_MS);
    const answer = await this.#ask("video_url");
    if (turn !== this.#turn) return;
    if (answer.status === 503) return this.#busy(turn, answer.wait);
    if (answer.status === 0) return this.#state === "lost" ? this.#lost() : this.#fail(words.away);
    if (answer.status !== 200) return this.#off();
    const { pathname } = new URL(answer.body.url);
    this.#url = pathname;
    this.#token = pathname.split("/")[3];
    const came = await this.#comes(turn, answer.body.state === "live", deadline);
    if (turn !== this.#turn) return;
    if (came) await this.#attach(turn);
    else if (this.#state === "lost") this.#lost();
    else this.#fail(words.silent);
  }

  // Whether there is something to play in time. A start is told by the socket, and asks in case that is away. A picture
  // that was lost is looked for: who fetches nothing would be gone.
  async #comes(turn, live, deadline) {
    const lost = this.#state === "lost";
    while (turn === this.#turn && Date.now() < deadline) {
      if (!live && !lost) live = await this.#isTold() || (await this.#ask("video_url")).body?.state === "live";
      else if (await this.#there()) return true;
      else await pause(ASK_MS);
    }
    return false;
  }

  async #isTold() {
    const told = () => this.#told !== "" && this.#url.includes(this.#told);
    if (!told()) await Promise.race([new Promise((resolve) => { this.#hear = resolve; }), pause(ASK_AGAIN_MS)]);
    return told();
  }

  async #ask(what) {
    try {
      const answer = await fetch(`/devices/${this.#device}/${what}`, { headers: { Accept: "application/json" } });
      if (answer.status === 401) location.reload();
      return { status: answer.status, wait: Number(answer.headers.get("Retry-After")), body: await answer.json() };
    } catch {
      return { status: 0 };
    }
  }

  async #there() {
    try { return (await fetch(this.#url)).ok; } catch { return false; }
  }

  async #attach(turn) {
    this.#detach();
    const video = this.#stage.querySelector("video"), image = this.#stage.querySelector("img");
    image.hidden = !this.#fast;
    video.hidden = this.#fast;
    if (this.#fast) {
      image.onload = () => turn === this.#turn && this.#live();
      image.onerror = () => { if (turn === this.#turn) { this.#fast = false; this.#lost(); } }; // H.264 has no fast view
      image.src = this.#url.replace("index.m3u8", "live.mjpeg");
      return;
    }
    video.onplaying = () => turn === this.#turn && this.#live();
    const { default: Hls } = await import("../vendor/hls/hls.light.min.mjs");
    if (turn !== this.#turn) return;
    if (Hls.isSupported()) {
      this.#hls = new Hls({ ...NEAR_LIVE, enableWorker: false, xhrSetup: (xhr, url) => xhr.open("GET", this.#fresh(url)) });
      this.#hls.on(Hls.Events.ERROR, (_, error) => error.fatal && turn === this.#turn && this.#lost());
      this.#hls.loadSource(this.#url);
      this.#hls.attachMedia(video);
    } else {
      video.onerror = () => turn === this.#turn && this.#lost();
      video.src = this.#url;
    }
    video.play().catch(() => {}); // muted video may always play; a browser that says no shows its first picture
  }

  // The same address with the newest token in it.
  #fresh(url) { return url.replace(/\/v\/([^/]+)\/[^/]+\//, `/v/$1/${this.#token}/`); }

  async #renew() {
    const answer = await this.#ask("video_token");
    if (answer.status === 200) this.#token = answer.body.token;
    else if (answer.status !== 0 && this.#state === "live") this.#lost(); // the stream has ended meanwhile
  }

  #detach() {
    this.#hls?.destroy();
    this.#hls = null;
    this.#stage.querySelector("img").removeAttribute("src");
  }

  #live() {
    const before = this.#state;
    this.#state = "live";
    this.#lostAt = null;
    this.#tries = 0;
    this.#section.dataset.state = "live";
    this.#stage.querySelector(".veil").hidden = true;
    this.#tools.hidden = false;
    this.#bar();
    if (before === "starting") say(words.live);
  }

  // The picture stays, veiled, with the time at which it stopped.
  async #lost() {
    const turn = this.#turn += 1;
    this.#hls?.stopLoad();
    this.#lostAt ??= new Date();
    this.#tries += 1;
    const title = fill(words.stopped, { time: seconds(this.#lostAt) });
    this.#show("lost", { title, detail: words.again, veil: true });
    if (Date.now() - this.#lostAt > GIVE_UP_MS) return this.#fail(words.away);
    await pause(AGAIN_MS);
    if (turn === this.#turn) await this.#begin(turn);
  }

  #fail(detail) {
    this.#turn += 1;
    this.#show("failed", { title: words.failed, detail, button: words.retry, act: "start", bad: true });
    say(`${words.failed}. ${detail}`);
  }

  async #busy(turn, wait) {
    for (let left = wait || 15; left > 0 && turn === this.#turn; left -= 1) {
      this.#show("busy", { title: words.busy, detail: fill(words.soon, { n: left }), button: words.now, act: "start" });
      await pause(1000);
    }
    if (turn === this.#turn) this.start();
  }

  // Nobody watches here any more; the server's words stand again.
  #off() {
    if (this.#state === "off") return;
    this.#turn += 1;
    this.#state = "off";
    if (this.#stage) this.#detach();
    const hadFocus = this.#section.contains(document.activeElement);
    this.#section.removeAttribute("data-keep");
    this.#section.classList.remove("player-fills");
    this.#section.dataset.state = "off";
    this.#section.replaceChildren(...this.#before);
    this.#stage = null;
    if (hadFocus) this.#section.querySelector("[data-watch]")?.focus({ preventScroll: true });
    this.#part.now();
  }

  // Stop fetching, keep the picture.
  #rest(title) {
    this.#turn += 1;
    this.#stage.querySelector("video").pause();
    this.#hls?.stopLoad();
    this.#show("paused", { title, detail: words.soonOff, button: words.resume, act: "start", veil: true });
  }

  // The section is ours until #off.
  #take() {
    this.#section.setAttribute("data-keep", "");
    if (this.#stage) return;
    this.#before = [...this.#section.childNodes].map((node) => node.cloneNode(true));
    const parts = document.getElementById("player-parts").content.cloneNode(true);
    this.#section.replaceChildren(this.#section.querySelector("h2"), parts);
    this.#stage = this.#section.querySelector(".stage");
    this.#tools = this.#section.querySelector(".player-tools");
    this.#status = this.#section.querySelector(".player-status");
    this.#stage.focus({ preventScroll: true });
    this.#fit();
  }

  // On a phone that lies on its side the picture fills the screen: it is brought there.
  #fit() { if (this.#stage && ON_ITS_SIDE.matches) this.#section.scrollIntoView(); }

  #show(state, { title, detail, button, act, veil, bad }) {
    this.#state = state;
    this.#section.dataset.state = state;
    const cover = this.#stage.querySelector(".veil"), press = cover.querySelector("button");
    cover.hidden = false;
    cover.classList.toggle("veil-clear", !veil);
    cover.classList.toggle("veil-bad", Boolean(bad));
    cover.querySelector("b").textContent = title;
    cover.querySelector("p").textContent = detail;
    press.hidden = !button;
    press.textContent = button ?? "";
    press.dataset.do = act ?? "";
    this.#tools.hidden = true;
    this.#bar();
  }

  #bar() {
    this.#section.dataset.fast = this.#fast ? "on" : "off";
    this.#section.querySelector('[data-do="fast"]').setAttribute("aria-pressed", String(this.#fast));
    this.#section.querySelector('[data-do="pip"]').hidden = this.#fast || !document.pictureInPictureEnabled;
    const behind = this.#state === "live" ? this.#behind() : "";
    const n = this.#state === "lost" ? this.#tries : Math.round((Date.now() - this.#askedAt) / 1000);
    this.#status.querySelector("b").textContent = fill(words[`bar_${this.#state}`] ?? "", { n });
    this.#status.querySelector("span").textContent = behind;
  }

  // How old the picture is: by the time that the playlist gives it.
  #behind() {
    if (this.#fast) return words.fast;
    const shown = this.#hls?.playingDate, late = shown ? (Date.now() - shown) / 1000 : NaN;
    const value = late > 0 && late < 60 ? late : this.#hls?.latency;
    return value ? fill(words.behind, { n: value.toFixed(1) }) : "";
  }

  #pressed(event) {
    if (event.target.closest("[data-watch]")) return this.start();
    const what = event.target.closest("[data-do]")?.dataset.do;
    if (what) this.#do(what);
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("button")) return;
    const what = { " ": this.#state === "live" ? "pause" : "start", f: "full", p: "pip", s: "snap" }[event.key.toLowerCase()];
    if (!what || !this.#stage) return;
    event.preventDefault();
    this.#do(what);
  }

  #do(what) {
    const video = this.#stage.querySelector("video");
    if (what === "start") this.start();
    else if (what === "stop") this.#off();
    else if (what === "pause") this.#rest(words.paused);
    else if (what === "fast") this.#switch();
    else if (what === "snap") this.#snap(this.#fast ? this.#stage.querySelector("img") : video);
    else if (what === "pip" && document.pictureInPictureElement) document.exitPictureInPicture();
    else if (what === "pip" && !this.#fast) video.requestPictureInPicture().catch(() => {});
    else if (what === "full" && document.fullscreenElement) document.exitFullscreen();
    else if (what === "full") this.#full(video);
  }

  // The same picture by the other way; the one that is shown stays until then.
  async #switch() {
    const turn = this.#turn += 1;
    this.#fast = !this.#fast;
    this.#hls?.stopLoad();
    this.#show("lost", { title: this.#fast ? words.toFast : words.toUsual, detail: "", veil: true });
    this.#status.querySelector("b").textContent = this.#fast ? words.toFast : words.toUsual;
    await this.#begin(turn);
  }

  // An iPhone has full screen for its video alone; where there is none, the player fills the window.
  #full(video) {
    if (this.#section.requestFullscreen) this.#section.requestFullscreen().catch(() => {});
    else if (video.webkitEnterFullscreen && !this.#fast) video.webkitEnterFullscreen();
    else this.#section.classList.toggle("player-fills");
  }

  #snap(picture) {
    if (this.#state !== "live") return;
    const canvas = document.createElement("canvas");
    canvas.width = picture.videoWidth || picture.naturalWidth;
    canvas.height = picture.videoHeight || picture.naturalHeight;
    canvas.getContext("2d").drawImage(picture, 0, 0);
    canvas.toBlob((blob) => {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(blob);
      link.download = `hetri-${new Date().toISOString().replaceAll(":", "-").slice(0, 19)}.jpg`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10000);
      say(words.snapped);
    }, "image/jpeg", 0.92);
  }

  // A tab that nobody looks at lets go after a while, and goes on when somebody does.
  #looked() {
    clearTimeout(this.#asleep);
    if (document.hidden && this.#playing() && !document.pictureInPictureElement) {
      this.#asleep = setTimeout(() => { this.#slept = true; this.#rest(words.hidden); }, HIDDEN_MS);
    } else if (!document.hidden && this.#slept) {
      this.#slept = false;
      this.start();
    }
  }
}
