// The treat panel: one press, one Idempotency-Key, the whole life visible, one height in every state.
import { clockWithSeconds } from "./time.js";

const FINAL = {
  dispensed: { word: "Dispensed", step: "done" },
  jammed: { word: "Jammed", step: "bad", say: "The dispenser jammed. Open the lid, free what is stuck, then try again." },
  empty: { word: "Empty", step: "bad", say: "The dispenser is empty. Refill it, then try again." },
  failed: { word: "Failed", step: "bad", say: "The collar could not run its motor. Try again; if it stays so, restart the collar." },
};

export class TreatPanel {
  constructor(root, device, name) {
    Object.assign(this, { root, device, name, presence: root.dataset.presence, event: null, refusal: null });
    this.left = root.dataset.left === "" ? null : Number(root.dataset.left);
    this.perDay = root.dataset.perDay === "" ? null : Number(root.dataset.perDay);
    this.city = root.dataset.zone.split("/").pop().replaceAll("_", " ");
    this.form = root.querySelector("form");
    this.button = this.part("give");
    this.first = this.part("sentence").textContent.trim();
    this.form.addEventListener("submit", (event) => { event.preventDefault(); this.give(); });
    for (const step of root.querySelectorAll("[data-step-by]")) step.addEventListener("click", () => this.step(Number(step.dataset.stepBy)));
    this.draw();
  }

  part(role) { return this.root.querySelector(`[data-role="${role}"]`); }
  get portion() { return this.form.elements.portion; }
  get busy() { return this.event?.result === "pending"; }
  step(by) { this.portion.value = Math.min(5, Math.max(1, Number(this.portion.value) + by)); }

  setPresence(presence) { this.presence = presence; this.draw(); }

  // From the socket or from an answer: whichever comes, states only move forward.
  take(event, mine = false) {
    const same = this.event?.id === event.id;
    if (!mine && !same && this.busy) return;
    if (same && this.event.result !== "pending" && event.result === "pending") return;
    const late = same && this.event.result === "expired" && event.result === "dispensed";
    if (event.result === "dispensed" && !(same && this.event.result === "dispensed") && this.left !== null) this.left = Math.max(0, this.left - event.portion);
    this.event = { ...event, late: late || (same && this.event.late) };
    this.refusal = null;
    this.draw();
    if (event.result !== "pending") document.getElementById("said").textContent = this.sentence()[0];
  }

  async give() {
    if (this.blocked() || this.busy) return;
    const portion = Number(this.portion.value), key = crypto.randomUUID();
    this.event = { id: null, result: "pending", event_time: new Date().toISOString(), portion };
    this.refusal = null;
    this.draw();
    try {
      const answer = await fetch(`/devices/${this.device}/treat`, {
        method: "POST",
        headers: { "Content-Type": "application/json", "Idempotency-Key": key, "X-CSRFToken": this.form.elements.csrfmiddlewaretoken.value },
        body: JSON.stringify({ portion }),
      });
      const body = await answer.json();
      if (answer.ok) return this.take(body, true);
      if (this.event?.id === null) this.event = null;
      this.refuse(body);
    } catch {
      if (this.event?.id === null) this.event = null;
      this.refusal = ["We don't know whether that reached the server. Look at the ledger before you try again.", true];
      this.draw();
    }
  }

  refuse({ code, detail }) {
    if (code === "offline") this.presence = "offline";
    if (code === "budget_spent") this.left = 0;
    this.refusal = code === "too_soon" ? ["Another treat is already on its way. Wait for its answer.", false] : [detail, true];
    this.draw();
  }

  blocked() {
    if (this.presence !== "online") return "Collar is offline";
    return this.left === 0 ? "None left today" : null;
  }

  sentence() {
    const event = this.event;
    if (this.refusal) return this.refusal;
    if (event?.result === "pending") return [event.delivered_at ? "The collar has it. Waiting for the treat to drop." : "Waiting for the collar. It has 30 s to answer.", false];
    if (this.presence !== "online") return ["Nothing is sent. Treats work again as soon as the collar is back.", false];
    if (event?.result === "dispensed") {
      const left = this.left === null ? "" : event.late ? ` It counts: ${this.left} are left today.` : ` ${this.left} are left today.`;
      return [event.late ? `It was dispensed after all; the answer came late.${left}` : `${this.name} got ${event.portion === 1 ? "one portion" : `${event.portion} portions`}.${left}`, false];
    }
    if (event?.result === "expired") return ["The collar did not answer in 30 s. This treat has expired and will not fire later.", false];
    if (event && FINAL[event.result]?.say) return [FINAL[event.result].say, true];
    if (this.left === 0) return [`${this.name} has had all ${this.perDay} portions today. The next day starts at 00:00 in ${this.city}.`, false];
    return [this.first, false];
  }

  steps() {
    const event = this.event, at = (when) => (when ? clockWithSeconds(when) : "");
    if (!event || event.result === "offline") return [["", "Sent", ""], ["", "Reached", ""], ["", "Dispensed", ""]];
    const sent = ["done", "Sent", at(event.event_time)];
    if (event.result === "expired") return [sent, event.delivered_at ? ["done", "Reached", at(event.delivered_at)] : ["none", "No answer", "30 s"], ["", "Dispensed", ""]];
    if (event.result === "pending" && !event.delivered_at) return [sent, ["wait", "Reached", "waiting"], ["", "Dispensed", ""]];
    const reached = ["done", "Reached", at(event.delivered_at)];
    if (event.result === "pending") return [sent, reached, ["wait", "Dispensed", "waiting"]];
    return [sent, reached, [FINAL[event.result].step, FINAL[event.result].word, at(event.settled_at)]];
  }

  draw() {
    const blocked = this.blocked();
    this.button.toggleAttribute("data-busy", this.busy);
    this.button.setAttribute("aria-disabled", String(Boolean(blocked) || this.busy));
    const again = this.event && ["jammed", "empty", "failed", "expired"].includes(this.event.result);
    this.button.querySelector("span").textContent = this.busy ? "On its way" : blocked || (again ? "Try again" : "Give a treat");
    if (this.perDay !== null) this.part("left").textContent = `${this.left} of ${this.perDay} left today`;
    this.drawDots();
    this.root.querySelectorAll('[data-role="step"]').forEach((element, index) => {
      const [state, label, when] = this.steps()[index];
      element.dataset.step = state;
      element.querySelector('[data-role="label"]').textContent = label;
      element.querySelector('[data-role="when"]').textContent = when;
    });
    const [text, bad] = this.sentence();
    const sentence = this.part("sentence");
    sentence.toggleAttribute("data-bad", bad);
    sentence.firstElementChild.textContent = text;
  }

  drawDots() {
    const dots = this.part("dots");
    if (this.perDay === null || this.perDay > 30) return;
    dots.replaceChildren(...Array.from({ length: this.perDay }, (_, index) => {
      const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
      svg.setAttribute("viewBox", "0 0 16 16");
      const circle = document.createElementNS("http://www.w3.org/2000/svg", "circle");
      for (const [key, value] of [["cx", 8], ["cy", 8], ["r", 7]]) circle.setAttribute(key, value);
      if (index < this.left) circle.classList.add("full");
      svg.append(circle);
      return svg;
    }));
  }
}

