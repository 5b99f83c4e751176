import { Chart } from "./chart.js";
import { start } from "./page.js";

const chart = new Chart(document.getElementById("chart"));
const part = start((type) => chart.changed(type));

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
