// Times in the viewer's own zone; "20 s ago" ticks. The server's words stand until this has run.
import { fill, words } from "./words.js";

const { lang } = document.documentElement;
const language = lang === "en" ? "en-GB" : lang; // day before month, as the server writes it
const format = (options) => new Intl.DateTimeFormat(language, { hourCycle: "h23", ...options });
const toClock = format({ hour: "2-digit", minute: "2-digit" });
const toSeconds = format({ hour: "2-digit", minute: "2-digit", second: "2-digit" });
const toDay = format({ day: "numeric", month: "short" });
const toExact = format({ weekday: "short", day: "numeric", month: "long", year: "numeric",
  hour: "2-digit", minute: "2-digit", second: "2-digit", timeZoneName: "short" });
const toRelative = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
const STEPS = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];

export const day = (date) => toDay.format(date);
// "Today", "Yesterday" or "22 Nov".
export function dayName(date) {
  const days = [0, -1].find((back) => dayAt(back).toDateString() === date.toDateString());
  if (days === undefined) return day(date);
  const word = toRelative.format(days, "day");
  return word.charAt(0).toLocaleUpperCase(language) + word.slice(1);
}

function dayAt(back) {
  const date = new Date();
  date.setDate(date.getDate() + back);
  return date;
}

export const seconds = (date) => toSeconds.format(date);
export const clock = (date) => toClock.format(date);
export const exact = (date) => toExact.format(date);

export function ago(date, now = Date.now()) {
  const seconds = Math.floor((now - date) / 1000);
  const step = STEPS.find(([, size]) => seconds >= size);
  return step ? fill(words[step[0]], { n: Math.floor(seconds / step[1]) }) : words.now;
}

function smart(date) {
  const today = new Date().toDateString() === date.toDateString();
  return today ? clock(date) : `${toDay.format(date)} ${clock(date)}`;
}

const FORMS = { ago, smart, clock, seconds };

function write(element) {
  const date = new Date(element.dateTime);
  const text = FORMS[element.dataset.show](date);
  if (element.textContent !== text) element.textContent = text;
  return date;
}

export function localise(root) {
  for (const element of root.querySelectorAll("time[data-show]")) element.title = exact(write(element));
}

export function tick() {
  if (document.hidden) return;
  for (const element of document.querySelectorAll('time[data-show="ago"]')) write(element);
}
