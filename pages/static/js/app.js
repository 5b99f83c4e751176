// On every page: times in the viewer's zone, the offline page, a guess at the time zone of a new pet.
import { localise } from "./time.js";

localise(document);
document.getElementById("errors")?.focus(); // what went wrong is read first
const good = document.querySelector(".note-good");
if (good) document.getElementById("said").textContent = good.textContent.trim();
if ("serviceWorker" in navigator) navigator.serviceWorker.register("/worker.js").catch(() => {}); // installable where it can be

const zone = document.querySelector("[data-guess-zone]");
const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (zone?.value === "UTC" && [...zone.options].some((option) => option.value === here)) zone.value = here;
