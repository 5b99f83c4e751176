// What the scripts say comes from the template, in the page's language.
const read = (id) => JSON.parse(document.getElementById(id)?.textContent ?? "{}");

export const words = read("words");
export const chartWords = () => read("chart-words");
export const playerWords = () => read("player-words");

export const fill = (text, values) => text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);

// The page's one live region. A text said twice in a row is said again only after it was emptied.
export function say(text) {
  const region = document.getElementById("said");
  region.textContent = "";
  requestAnimationFrame(() => { region.textContent = text; });
}
