// The server writes every word; a change on the socket fetches the part of the page that lives and puts the
// differences in place. Elements stay the same, so focus, open tables and transitions survive.
import { localise } from "./time.js";
import { say } from "./words.js";

const KEPT = new Set(["open", "value"]); // what a person may have changed
const OWN = new Set(["data-state", "data-fast"]); // of what a script holds (data-keep)
const spoken = new Map();

function sameKind(old, fresh) {
  return old.nodeType === fresh.nodeType && old.nodeName === fresh.nodeName && (old.id ?? "") === (fresh.id ?? "");
}

function morph(old, fresh) {
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.nodeValue !== fresh.nodeValue) old.nodeValue = fresh.nodeValue;
    return;
  }
  attributes(old, fresh);
  if (!old.hasAttribute("data-keep")) children(old, fresh);
}

function attributes(old, fresh) {
  const kept = (name) => KEPT.has(name) || (OWN.has(name) && old.hasAttribute("data-keep"));
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name) && !kept(name) && name !== "data-keep") old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    if (!kept(name) && old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
}

function children(old, fresh) {
  const before = [...old.childNodes], after = [...fresh.childNodes];
  after.forEach((node, index) => {
    const place = before[index];
    if (!place) old.append(node);
    else if (sameKind(place, node)) morph(place, node);
    else place.replaceWith(node);
  });
  for (const rest of before.slice(after.length)) rest.remove();
}

// What must be said aloud when it is new stands in data-say. data-say-key tells two events with the same words
// apart; data-say-every is the least number of seconds between.
function sayings(root) {
  return [...root.querySelectorAll("[data-say]")].filter((element) => element.dataset.say).map(({ dataset }) => ({
    text: dataset.say, id: `${dataset.sayKey ?? ""} ${dataset.say}`, every: Number(dataset.sayEvery ?? 0) * 1000,
  }));
}

function speakNews(before, root) {
  const known = new Set(before.map(({ id }) => id));
  const news = sayings(root).filter(({ id, every }) => !known.has(id) && Date.now() - (spoken.get(id) ?? 0) >= every);
  for (const { id } of news) spoken.set(id, Date.now());
  if (news.length) say(news.map(({ text }) => text).join(" "));
}

// The page as it is asked for, its range too, and of it the part that lives.
function partAddress() {
  const address = new URL(location.href);
  address.searchParams.set("part", "live");
  return address;
}

export class Part {
  #root = document.getElementById("live"); #running = null; #again = false; #waiting = 0;

  // Now, or once more after the request that is under way: what it brings may already be old.
  async now() {
    clearTimeout(this.#waiting);
    this.#waiting = 0;
    if (this.#running) {
      this.#again = true;
      return this.#running;
    }
    this.#running = this.#fetch();
    try { return await this.#running; } finally {
      this.#running = null;
      if (this.#again) { this.#again = false; this.now(); }
    }
  }

  // Within `ms`, together with whatever else happens until then.
  soon(ms) { this.#waiting ||= setTimeout(() => this.now(), ms); }

  // True when the page shows what the server knows.
  async #fetch() {
    try {
      const answer = await fetch(partAddress(), { headers: { Accept: "text/html" }, redirect: "manual" });
      if (answer.type === "opaqueredirect" || answer.status === 404) location.reload();
      if (!answer.ok) return false;
      const page = new DOMParser().parseFromString(`<div>${await answer.text()}</div>`, "text/html");
      this.#put(page.body.firstElementChild);
      return true;
    } catch {
      return false; // the socket tells when the server is back
    }
  }

  #put(fresh) {
    trim(this.#root);
    trim(fresh);
    localise(fresh);
    const before = sayings(this.#root);
    children(this.#root, fresh);
    speakNews(before, this.#root);
  }
}

// Blank text between elements is the template's layout; without it the trees line up.
function trim(root) {
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  const blank = [];
  while (walker.nextNode()) if (!walker.currentNode.nodeValue.trim() && onlyBetween(walker.currentNode)) blank.push(walker.currentNode);
  for (const node of blank) node.remove();
}

// A blank beside text or an inline element is a space that somebody reads.
const INLINE = new Set(["A", "B", "SPAN", "TIME", "CODE"]);
function onlyBetween(node) {
  const { previousSibling: left, nextSibling: right } = node;
  const inline = (side) => side && (side.nodeType === Node.TEXT_NODE || INLINE.has(side.nodeName));
  return !(inline(left) && inline(right));
}
