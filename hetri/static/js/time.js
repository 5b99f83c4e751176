// Times in the viewer's zone: relative ones tick, each has the exact time in its title.
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium", hourCycle: "h23" });
const clockShort = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const clockLong = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const relativeWords = new Intl.RelativeTimeFormat(document.documentElement.lang || undefined, { style: "narrow" });

export const clock = (when) => clockShort.format(new Date(when));
export const clockWithSeconds = (when) => clockLong.format(new Date(when));

export function relative(when) {
  const seconds = Math.round((new Date(when) - Date.now()) / 1000);
  if (seconds > -60) return relativeWords.format(Math.min(0, Math.round(seconds / 5) * 5), "second");
  if (seconds > -3600) return relativeWords.format(Math.round(seconds / 60), "minute");
  if (seconds > -86400) return relativeWords.format(Math.round(seconds / 3600), "hour");
  return relativeWords.format(Math.round(seconds / 86400), "day");
}

export function setTime(element, when, kind) {
  element.dateTime = when;
  element.title = exact.format(new Date(when));
  element.textContent = kind === "relative" ? relative(when) : clock(when);
}

function refresh() {
  for (const element of document.querySelectorAll("time[data-relative]")) setTime(element, element.dateTime, "relative");
}

export function startTimes() {
  for (const element of document.querySelectorAll("time[data-clock]")) setTime(element, element.dateTime, "clock");
  refresh();
  setInterval(refresh, 5000);
}
