// Home: every collar's card, live.
import { connect } from "./live.js";
import { showBattery, showHeard, showStatus } from "./presence.js";
import { startTimes } from "./time.js";

const card = (device) => document.querySelector(`article[data-device="${device}"]`);

startTimes();
connect("/ws/devices", {
  status: (device, status) => { const root = card(device); if (root) showStatus(root, root.dataset.name, status); },
  telemetry: (device, sample) => { const root = card(device); if (root) { showBattery(root, sample.battery_level); showHeard(root, new Date().toISOString()); } },
  snapshot: (devices) => { if (devices.some((device) => !card(device.id))) location.reload(); },
});
