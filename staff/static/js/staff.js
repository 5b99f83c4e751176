// The admin's few scripts of our own. What is shown once must not be asked for twice by a double click.
const AGAIN_MS = 2000;
let sent = -AGAIN_MS;

document.addEventListener("submit", (event) => {
  if (event.timeStamp - sent < AGAIN_MS) event.preventDefault();
  else sent = event.timeStamp;
});
for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => print());
}
