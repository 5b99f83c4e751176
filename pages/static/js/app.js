// On every page: times in the viewer's zone, the offline page, a guess at the time zone of a new pet.
import { localise } from "./time.js";

localise(document);
if ("serviceWorker" in navigator) navigator.serviceWorker.register("/worker.js").catch(() => {}); // installable where it can be

const zone = document.querySelector("[data-guess-zone]");
const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (zone?.value === "UTC" && [...zone.options].some((option) => option.value === here)) zone.value = here;
