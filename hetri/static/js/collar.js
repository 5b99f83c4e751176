// One collar's page, live.
import { DayChart } from "./chart.js";
import { connect } from "./live.js";
import { showBattery, showHeard, showStatus } from "./presence.js";
import { setTime, startTimes } from "./time.js";
import { TreatPanel } from "./treat.js";

const { device, name } = document.body.dataset;
const head = document.querySelector(".collar-head");
const panel = new TreatPanel(document.getElementById("treat"), device, name);
const chart = new DayChart(document.getElementById("chart"), document.getElementById("chart-table"), device);
const ledger = document.getElementById("ledger");
const RELOAD_MS = 60_000;
const icons = JSON.parse(document.getElementById("icons").textContent);
const ICONS = { dispensed: icons.bone, jammed: icons.warn, empty: icons.warn, failed: icons.warn, pending: icons.clock };

function showInLedger(event) {
  let row = ledger.querySelector(`[data-treat="${event.id}"]`);
  if (!row) {
    row = document.createElement("li");
    row.dataset.treat = event.id;
    row.innerHTML = '<svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path/></svg><b></b><time></time><span class="how"></span>';
    ledger.querySelector("li.grey")?.remove();
    ledger.prepend(row);
    while (ledger.children.length > 5) ledger.lastElementChild.remove();
  }
  row.querySelector(".icon path").setAttribute("d", ICONS[event.result] ?? ICONS.pending);
  const word = row.querySelector("b");
  word.textContent = event.result[0].toUpperCase() + event.result.slice(1);
  word.classList.toggle("bad", ["jammed", "empty", "failed"].includes(event.result));
  setTime(row.querySelector("time"), event.event_time, "clock");
  row.querySelector(".how").textContent = `${event.portion} portion${event.portion === 1 ? "" : "s"}, ${event.source === "staff" ? "by staff" : "by you"}`;
}

startTimes();
chart.load();
setInterval(() => document.visibilityState === "visible" && chart.load(), RELOAD_MS);
connect(`/ws/devices/${device}`, {
  status: (_, status) => {
    showStatus(head, name, status);
    panel.setPresence(status.status);
    const left = document.querySelector('[data-role="treats-left"]');
    if (status.treats_left !== null) left.textContent = `${status.treats_left} treats in the dispenser`;
  },
  telemetry: (_, sample) => { showBattery(head, sample.battery_level); showHeard(head, new Date().toISOString()); },
  treat: (_, event) => { panel.take(event); showInLedger(event); },
  snapshot: () => chart.data && chart.load(),
});
