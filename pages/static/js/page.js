// What home and the collar's page share: words in the viewer's zone, the socket, and a part that follows it.
import { Live } from "./live.js";
import { Part } from "./refresh.js";
import { localise, tick } from "./time.js";
import { bindTreats } from "./treat.js";

const BATCH_MS = 3000; // samples may come every second; a page redrawn every 3 s is live enough
const SLOW_MS = 60000; // midnight, "today", an outcome that becomes history: things that nobody sends

export function start(onChange = () => {}) {
  const root = document.getElementById("live"), part = new Part();
  localise(document);
  setInterval(tick, 1000);
  bindTreats(root, part);
  if (!root.dataset.socket) return part;
  const live = new Live(root.dataset.socket, (type, device, data) => {
    if (type === "telemetry") part.soon(BATCH_MS);
    else part.now();
    onChange(type, data);
  });
  setInterval(async () => document.hidden || !live.connected || await part.now() || live.again(), SLOW_MS);
  document.addEventListener("visibilitychange", () => document.hidden || part.now());
  return part;
}
