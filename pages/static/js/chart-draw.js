// What uPlot does not draw itself, on its canvas: hatched gaps, quiet slots, the row of treats.
import { DAY_S, slotAt } from "./chart-slots.js";

const DENSITY = devicePixelRatio || 1;
const HATCH_PX = 7, ROOM_FOR_WORDS_PX = 54, ROOM_FOR_COUNT_PX = 18;
const FAILED = new Set(["jammed", "empty", "failed"]);

// Colours as the stylesheet resolves them in the present theme.
export function palette() {
  const probe = document.body.appendChild(document.createElement("i"));
  const read = (name) => { probe.style.color = `var(--${name})`; return getComputedStyle(probe).color; };
  const colours = { dusk: read("dusk"), text: read("text"), text2: read("text-2"), text3: read("text-3"), line: read("line"),
    hatch: read("line-strong"), sunken: read("sunken"), surface: read("surface"), ball: read("ball"), ink: read("on-ball"), edge: read("ball-edge"), rust: read("rust") };
  probe.remove();
  return colours;
}

// A sentence in the place of the chart; an empty one takes it away.
export function label(box, text) {
  box.querySelector(".chart-word")?.remove();
  if (!text) return;
  const word = box.appendChild(document.createElement("p"));
  word.className = "chart-word";
  word.textContent = text;
}

export function hatch(plot, gaps, colours, word) {
  const { ctx, bbox } = plot;
  for (const [from, to] of gaps) {
    const left = plot.valToPos(from, "x", true), width = plot.valToPos(to, "x", true) - left;
    ctx.save();
    ctx.beginPath();
    ctx.rect(left, bbox.top, width, bbox.height);
    ctx.clip();
    ctx.fillStyle = colours.sunken;
    ctx.fill();
    stripes(ctx, left, bbox, width, colours.hatch);
    if (word && width > ROOM_FOR_WORDS_PX * DENSITY) inGap(ctx, word, left + width / 2, bbox, colours);
    ctx.restore();
  }
}

// The time before anything is known of the collar: no gap, but a word when there is room.
export function before(plot, { start, known }, colours, word) {
  const { ctx, bbox } = plot, width = plot.valToPos(known, "x", true) - bbox.left;
  if (known <= start || width < ROOM_FOR_WORDS_PX * 2 * DENSITY) return;
  inGap(ctx, word, bbox.left + Math.min(width, bbox.width) / 2, bbox, colours);
}

function stripes(ctx, left, bbox, width, colour) {
  ctx.strokeStyle = colour;
  ctx.lineWidth = DENSITY;
  ctx.globalAlpha = 0.75;
  ctx.beginPath();
  for (let x = left - bbox.height; x < left + width; x += HATCH_PX * DENSITY) {
    ctx.moveTo(x, bbox.top + bbox.height);
    ctx.lineTo(x + bbox.height, bbox.top);
  }
  ctx.stroke();
  ctx.globalAlpha = 1;
}

function inGap(ctx, word, middle, bbox, colours) {
  ctx.font = `500 ${12 * DENSITY}px ${getComputedStyle(document.body).fontFamily}`;
  ctx.textAlign = "center";
  ctx.textBaseline = "middle";
  const room = ctx.measureText(word).width + 10 * DENSITY, y = bbox.top + 14 * DENSITY;
  ctx.fillStyle = colours.surface;
  ctx.fillRect(middle - room / 2, y - 9 * DENSITY, room, 18 * DENSITY);
  ctx.fillStyle = colours.text2;
  ctx.fillText(word, middle, y);
}

// Bars from the line up; a slot with samples and no activity is a short mark, so that rest differs from silence.
export function bars(uPlot, colours) {
  const draw = uPlot.paths.bars({ size: [0.64, 10], radius: 0.2 });
  return {
    fill: colours.dusk, width: 0,
    paths: (plot, series, from, to) => { quiet(plot, series, colours.dusk); return draw(plot, series, from, to); },
  };
}

function quiet(plot, series, colour) {
  const { ctx } = plot, [x, values] = [plot.data[0], plot.data[series]];
  const base = plot.valToPos(0, "y", true), mark = Math.max(1, 1.5 * DENSITY);
  ctx.fillStyle = colour;
  values.forEach((value, index) => {
    if (value !== null) ctx.fillRect(plot.valToPos(x[index], "x", true) - mark / 2, base - mark, mark, mark);
  });
}

// A ball for each treat, a cross below for each that came to nothing. Where a slot is a day, the balls of a day are one,
// with their number where it fits.
export function treatsRow(plot, { treats, edges, slot, x }, colours, word) {
  const { ctx, bbox } = plot, y = bbox.top + bbox.height + 13 * DENSITY, below = y + 13 * DENSITY;
  ctx.font = `${12 * DENSITY}px ${getComputedStyle(document.body).fontFamily}`;
  ctx.textBaseline = "middle";
  ctx.fillStyle = colours.text3;
  const room = bbox.left - 6 * DENSITY;
  ctx.textAlign = ctx.measureText(word).width < room ? "right" : "left";
  ctx.fillText(word, ctx.textAlign === "right" ? room : 0, y);
  const byDay = slot === DAY_S, counts = new Map();
  for (const { at, result } of treats) {
    const where = plot.valToPos(byDay ? x[slotAt(edges, at)] : at, "x", true);
    if (result === "dispensed") counts.set(where, (counts.get(where) ?? 0) + 1);
    else if (FAILED.has(result)) cross(ctx, where, below, colours.rust);
  }
  const counted = byDay && bbox.width / x.length > ROOM_FOR_COUNT_PX * DENSITY;
  for (const [where, count] of counts) {
    if (counted) number(ctx, count, where, y, colours);
    else ball(ctx, where, y, colours);
  }
}

function number(ctx, count, x, y, colours) {
  disc(ctx, x, y, 8, colours.ball);
  ctx.fillStyle = colours.ink;
  ctx.textAlign = "center";
  ctx.fillText(count, x, y);
}

function ball(ctx, x, y, colours) {
  disc(ctx, x, y, 4.5, colours.ball);
  ctx.strokeStyle = colours.edge;
  ctx.lineWidth = 1.5 * DENSITY;
  ctx.stroke();
}

function disc(ctx, x, y, radius, colour) {
  ctx.beginPath();
  ctx.arc(x, y, radius * DENSITY, 0, 2 * Math.PI);
  ctx.fillStyle = colour;
  ctx.fill();
}

function cross(ctx, x, y, colour) {
  const arm = 3.5 * DENSITY;
  ctx.beginPath();
  ctx.moveTo(x - arm, y - arm);
  ctx.lineTo(x + arm, y + arm);
  ctx.moveTo(x + arm, y - arm);
  ctx.lineTo(x - arm, y + arm);
  ctx.strokeStyle = colour;
  ctx.lineWidth = 1.75 * DENSITY;
  ctx.lineCap = "round";
  ctx.stroke();
}

// The newest reading in words at the end of the line, which has the lowest of each span.
export function battery(plot, { level }, newest, colours, words) {
  const last = level.findLast((value) => value !== null);
  if (last === undefined) return;
  const { ctx, bbox } = plot, above = last < 50;
  ctx.font = `500 ${12 * DENSITY}px ${getComputedStyle(document.body).fontFamily}`;
  ctx.textAlign = "right";
  ctx.textBaseline = "alphabetic";
  ctx.fillStyle = colours.text2;
  const line = plot.valToPos(last, "y", true), shift = (above ? -8 : 18) * DENSITY;
  ctx.fillText(words.replace("{level}", Math.floor(newest || last)), bbox.left + bbox.width, line + shift);
}
