import { Chart } from "./chart.js";
import { start } from "./page.js";

const chart = new Chart(document.getElementById("chart"));
start((type) => chart.changed(type));
