// Words, ring and battery of one collar; live data changes them in place.
import { setTime } from "./time.js";

const LOW = 20;

function timeElement(when, kind) {
  const element = document.createElement("time");
  element.dataset[kind] = "";
  setTime(element, when, kind);
  return element;
}

export function showStatus(root, name, status) {
  const ring = root.querySelector(".ring");
  const before = ring.dataset.presence;
  ring.dataset.presence = status.status;
  const words = root.querySelector('[data-role="presence"]');
  const label = document.createElement("b");
  label.textContent = { online: "Online", offline: "Offline", never_seen: "Never seen" }[status.status];
  words.replaceChildren(label);
  if (status.last_seen && status.status !== "never_seen") {
    const since = document.createElement("span");
    const online = status.status === "online";
    since.append(online ? " " : " since ", timeElement(status.last_seen, online ? "relative" : "clock"));
    words.append(since);
  }
  showBattery(root, status.battery_level);
  if (before !== status.status) document.getElementById("said").textContent = `${name} is ${label.textContent.toLowerCase()}.`;
}

export function showHeard(root, when) {
  const time = root.querySelector('[data-role="presence"] time[data-relative]');
  if (time) setTime(time, when, "relative");
}

export function showBattery(root, level) {
  if (level === null || level === undefined) return;
  const percent = Math.round(level), low = level < LOW;
  const battery = root.querySelector('[data-role="battery"]');
  battery.toggleAttribute("data-low", low);
  battery.querySelector('[data-role="percent"]').textContent = `${percent} %${low ? ", charge it" : ""}`;
  battery.querySelector(".fill").setAttribute("width", (percent * 18) / 100);
  const ring = root.querySelector(".ring");
  ring.toggleAttribute("data-low", low);
  ring.querySelector(".arc").setAttribute("stroke-dasharray", `${percent} 100`);
}
