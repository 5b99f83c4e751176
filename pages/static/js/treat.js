// One press, one order: the button answers at once, the server says the rest. Works for every form[data-treat].
import { say, words } from "./words.js";

const SETTLED_BY_PANEL = new Set([200, 202, 409, 429]); // the panel, fetched anew, has the words for these

export function bindTreats(root, part) {
  root.addEventListener("submit", (event) => {
    const form = event.target.closest("form[data-treat]");
    if (!form) return;
    event.preventDefault();
    const button = form.querySelector(".treat-button");
    if (button.getAttribute("aria-disabled") !== "true" && form.reportValidity()) order(form, button, part);
  });
  root.addEventListener("click", (event) => {
    const step = event.target.closest("[data-step]");
    if (step) change(step.closest("form").elements.portion, Number(step.dataset.step));
  });
}

function change(field, by) {
  const value = (Number(field.value) || 1) + by;
  field.value = Math.max(Number(field.min), Math.min(Number(field.max), value));
}

async function order(form, button, part) {
  going(form, button, true);
  say(words.sending);
  const refusal = await post(form);
  form.removeAttribute("data-keep"); // what the server says now repaints the button; until then it stays pressed
  const known = await part.now();
  if (!known) going(form, button, false);
  trouble(form, refusal ?? (known ? "" : words.unknown));
  if (!refusal && known && form.elements.portion.type === "number") form.elements.portion.value = 1;
}

// What to say when the panel cannot: null when it can.
async function post(form) {
  const portion = Number(form.elements.portion.value);
  try {
    const answer = await fetch(form.dataset.treat, {
      method: "POST",
      headers: {
        "Content-Type": "application/json",
        "Idempotency-Key": crypto.randomUUID(),
        "X-CSRFToken": form.elements.csrfmiddlewaretoken.value,
      },
      body: JSON.stringify({ portion }),
    });
    if (SETTLED_BY_PANEL.has(answer.status)) return null;
    if (answer.status === 401) location.reload();
    return answer.status === 503 ? words.away : answer.status >= 500 ? words.unknown : words.refused;
  } catch {
    return words.unknown; // it may or may not have arrived: the ledger knows
  }
}

// While the order is under way nothing may repaint the button; it stays focusable and keeps its size.
function going(form, button, on) {
  form.toggleAttribute("data-keep", on);
  button.querySelector(".button-now").hidden = on;
  button.querySelector(".button-going").hidden = !on;
  button.classList.toggle("treat-going", on);
  form.querySelector(".stepper")?.classList.toggle("stepper-off", on);
  if (on) button.setAttribute("aria-disabled", "true");
  else button.removeAttribute("aria-disabled");
}

function trouble(form, text) {
  const place = form.parentElement.querySelector("[data-trouble]");
  if (place) {
    place.querySelector(".words").textContent = text;
    place.hidden = !text;
    const sentence = form.parentElement.querySelector("#treat-sentence");
    if (sentence) sentence.hidden = Boolean(text);
  }
  if (text) say(text);
}
