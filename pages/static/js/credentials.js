// Copy buttons, and the line that says when the collar first connects. A reload must not make a second collar.
import { Live } from "./live.js";
import { clock } from "./time.js";
import { fill, say } from "./words.js";

const list = document.querySelector("[data-after]"), first = document.getElementById("first");
history.replaceState(null, "", list.dataset.after);

for (const button of document.querySelectorAll("[data-copy]")) {
  button.hidden = !navigator.clipboard;
  button.addEventListener("click", async () => {
    const place = document.getElementById("copied");
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
    place.textContent = place.dataset.words;
    say(place.dataset.words);
  });
}

function connected(status) {
  if (status?.status !== "online" || first.dataset.done) return;
  first.dataset.done = "yes";
  const words = fill(first.querySelector("template").content.textContent, { time: clock(new Date()) });
  first.querySelector(".words").textContent = words;
  first.classList.add("note-good");
  say(words);
}

new Live(first.dataset.socket, (type, _device, data) => connected(type === "snapshot" ? data[0] : type === "status" ? data : null));
