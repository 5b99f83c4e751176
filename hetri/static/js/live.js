// The page's one WebSocket: snapshot, numbered messages, back-off with jitter, honest words when it is away.
import { clock } from "./time.js";

const SIGNED_OUT = 4401, NOT_YOURS = 4404;

export function connect(path, handlers) {
  const lost = document.getElementById("lost");
  const said = document.getElementById("said");
  let delay = 500, lostAt = null, expected = 0, socket = null, timer = null;

  function open() {
    clearTimeout(timer);
    socket = new WebSocket(`wss://${location.host}${path}`);
    expected = 0;
    socket.onmessage = (message) => receive(JSON.parse(message.data));
    socket.onclose = (event) => closed(event.code);
  }

  function receive(message) {
    if (message.type === "snapshot") {
      delay = 500;
      if (lostAt) said.textContent = "The connection is back.";
      lostAt = null;
      lost.hidden = true;
      for (const device of message.devices) handlers.status?.(device.id, device);
      handlers.snapshot?.(message.devices);
    } else if (message.type !== "resync") {
      expected += 1;
      if (message.n !== expected) return socket.close();
      handlers[message.type]?.(message.device, message.data);
    }
  }

  function closed(code) {
    if (code === SIGNED_OUT) return location.assign(`/account/login?next=${encodeURIComponent(location.pathname)}`);
    if (code === NOT_YOURS) return location.assign("/");
    if (!lostAt) {
      lostAt = new Date();
      lost.textContent = `This page lost its connection at ${clock(lostAt)}. Trying again; what you see may be old.`;
      said.textContent = lost.textContent;
    }
    lost.hidden = false;
    timer = setTimeout(open, delay * (0.5 + Math.random()));
    delay = Math.min(delay * 2, 15000);
  }

  // A laptop that slept, a phone that changed networks: look at once instead of waiting for a time-out.
  const wake = () => { if (document.visibilityState === "visible" && socket.readyState === WebSocket.CLOSED) { delay = 500; open(); } };
  document.addEventListener("visibilitychange", wake);
  addEventListener("online", wake);
  open();
}
