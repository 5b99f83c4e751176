import { start } from "./page.js";

const TYPED_MS = 150;
const part = start();

// Above six collars there is a search: what is typed stands in the address, and the server finds.
document.getElementById("live").addEventListener("input", (event) => {
  if (event.target.type !== "search") return;
  const address = new URL(location.href);
  address.searchParams.set("q", event.target.value);
  history.replaceState(null, "", address);
  part.soon(TYPED_MS);
});
