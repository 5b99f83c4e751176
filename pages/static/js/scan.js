// The square pattern on a collar's tag, read by this device's own camera. No picture leaves it.
import { say } from "./words.js";

const LOOK_MS = 150, SIDE = 640, CODE = /^[0-9a-z]{4}-?[0-9a-z]{4}$/i;
const button = document.getElementById("scan"), view = document.getElementById("scan-view");
const field = document.querySelector("input.code"), video = view.querySelector("video"), words = view.querySelector("p");
let stream = null, looking = 0;

button.hidden = !navigator.mediaDevices?.getUserMedia;
button.addEventListener("click", () => (view.hidden ? open() : close()));
view.querySelector("button").addEventListener("click", close);
addEventListener("pagehide", close);

async function open() {
  const turn = looking += 1;
  show(true, words.dataset.hold);
  try {
    const [{ default: decode }, found] = await Promise.all([
      import("../vendor/qr/decode.js"),
      navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } }),
    ]);
    stream = found;
    if (turn !== looking) return release();
    video.srcObject = stream;
    await video.play();
    look(decode, turn);
  } catch {
    release();
    if (turn === looking) words.textContent = words.dataset.none;
  }
}

function close() {
  looking += 1;
  release();
  if (view.hidden) return;
  show(false, "");
  button.focus();
}

function release() {
  stream?.getTracks().forEach((track) => track.stop());
  stream = video.srcObject = null;
}

function show(on, text) {
  view.hidden = !on;
  button.setAttribute("aria-expanded", String(on));
  words.textContent = text;
}

// Looks at a picture every LOOK_MS until one holds the pattern of a tag.
function look(decode, turn) {
  if (turn !== looking) return;
  const code = codeOf(read(decode));
  if (!code) return setTimeout(look, LOOK_MS, decode, turn);
  field.value = code;
  close();
  field.focus();
  say(words.dataset.found);
}

function read(decode) {
  const scale = Math.min(1, SIDE / Math.max(video.videoWidth, video.videoHeight));
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(video.videoWidth * scale);
  canvas.height = Math.round(video.videoHeight * scale);
  const brush = canvas.getContext("2d");
  brush.drawImage(video, 0, 0, canvas.width, canvas.height);
  try { return decode(brush.getImageData(0, 0, canvas.width, canvas.height)); } catch { return ""; } // no pattern in it
}

// A tag holds the address of this page with the code in it; the code alone will do.
function codeOf(text) {
  const code = URL.canParse(text) ? new URL(text).searchParams.get("code") ?? "" : text;
  if (text && !CODE.test(code)) words.textContent = words.dataset.other;
  return CODE.test(code) ? code : "";
}
