// The spans of time of the chart: how wide each is, where each lies, and the samples and treats laid out on them.
export const DAY_S = 86400;
const FIVE_MIN_S = 300, HALF_HOUR_S = 1800, HOUR_S = 3600, THREE_HOURS_S = 10800;
const NARROWEST_PX = 3.2; // of a slot: below it bars run together
const BY_DAY_FROM_S = 8 * DAY_S;

// The finest slot that a chart of `room` pixels can show of a span; a month is told in days.
export function slotFor(span, room) {
  if (span > BY_DAY_FROM_S) return DAY_S;
  const fits = (slot) => room * slot / span >= NARROWEST_PX;
  return [FIVE_MIN_S, HALF_HOUR_S, HOUR_S, THREE_HOURS_S].find(fits) ?? DAY_S;
}

// What the server adds up: its answer is laid out on slots of one or more of these.
export const resolutionOf = (slot) => slot < HOUR_S ? "5m" : "1h";

// Where slots begin and the last one ends, in seconds. Days are those of the viewer's clock, of 23 and 25 hours, too.
export function edgesOf(from, to, slot) {
  if (slot !== DAY_S) {
    const start = Math.floor(from / slot) * slot;
    return Array.from({ length: Math.ceil((to - start) / slot) + 1 }, (_, index) => start + index * slot);
  }
  const midnight = new Date(from * 1000), edges = [];
  midnight.setHours(0, 0, 0, 0);
  for (; ;) {
    edges.push(midnight / 1000);
    if (midnight / 1000 >= to) return edges;
    midnight.setDate(midnight.getDate() + 1);
  }
}

// The slot in which a moment lies; -1 outside.
export function slotAt(edges, at) {
  if (at < edges[0] || at >= edges.at(-1)) return -1;
  let index = Math.min(edges.length - 2, Math.floor((at - edges[0]) / (edges[1] - edges[0])));
  while (edges[index] > at) index--;
  while (edges[index + 1] <= at) index++;
  return index;
}

// Runs of slots that are over, lie in the owner's time and have no samples: [from, to] in seconds.
export function gapsOf(values, edges, knownFrom, now) {
  const gaps = [];
  values.forEach((value, index) => {
    const [from, to] = [edges[index], edges[index + 1]];
    if (value !== null || to > now || from < knownFrom) return;
    const last = gaps.at(-1);
    if (last && last[1] === from) last[1] = to;
    else gaps.push([from, to]);
  });
  return gaps;
}

const seconds = (time) => Date.parse(time) / 1000;

// Active minutes and the lowest battery of every slot; null where nothing was sent.
export function arrange(telemetry, treats, { edges, slot, start, end }, knownFrom) {
  const slots = edges.length - 1;
  const x = edges.slice(0, -1).map((edge, index) => (edge + edges[index + 1]) / 2);
  const active = new Array(slots).fill(null), level = new Array(slots).fill(null);
  telemetry.ts.forEach((ts, row) => {
    const index = slotAt(edges, seconds(ts));
    if (index < 0) return;
    const width = (edges[index + 1] - edges[index]) / 60, lowest = telemetry.battery_level_min[row];
    active[index] = Math.min(width, (active[index] ?? 0) + telemetry.active_s[row] / 60);
    level[index] = Math.min(level[index] ?? lowest, lowest);
  });
  const known = telemetry.ts.length ? Math.min(knownFrom, seconds(telemetry.ts[0])) : knownFrom;
  const shown = treats.map((event) => ({ at: seconds(event.event_time), result: event.result }));
  return {
    x, active, level, edges, slot, known, start, end,
    treats: shown.filter(({ at }) => at >= start && at < end),
    gaps: gapsOf(active, edges, known, Date.now() / 1000),
  };
}

// The end of an axis that the highest bar nearly fills, in minutes, and no longer than a slot.
const ENDS = [1, 2, 5, 10, 20, 30, 60, 120, 180, 240, 360, 480, 720, 1440];

export function mostOf(active, slot) {
  const highest = Math.max(0, ...active);
  return Math.min(slot / 60, ENDS.find((end) => end >= highest) ?? 1440);
}
