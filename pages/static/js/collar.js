import { Chart } from "./chart.js";
import { start } from "./page.js";
import { Player } from "./player.js";

const chart = new Chart(document.getElementById("chart"));
const part = start((type, data) => {
  chart.changed(type);
  player?.changed(type, data);
});
const section = document.getElementById("player");
const player = section && new Player(section, part);

// Another range: the same link without leaving the page.
document.getElementById("live").addEventListener("click", async (event) => {
  if (event.target.closest("#chart-whole")) return chart.whole();
  const link = event.target.closest("a[data-range]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  history.replaceState(null, "", link.href);
  await part.now();
  chart.ranged();
});
