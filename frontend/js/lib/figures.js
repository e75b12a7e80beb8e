// The six figures of the overview: a new measurement changes the value, its age and the small line.

import { figure } from "./text.js";
import { tell } from "./times.js";

const LINE_POINTS = 40;

/** What an event of the network or the machine says of each figure, null where it says nothing. */
export function figuresOf(event) {
  const data = event.data;
  if (event.topic === "network") {
    return {
      interval: data.blocks_per_minute ? 60 / data.blocks_per_minute : null,
      tx_rate: data.tx_rate ?? null,
      pool_count: data.pool_count ?? null,
      hash_rate: data.hash_rate == null ? null : data.hash_rate / 1000,
      propagation_ms: data.propagation_ms ?? null,
      forks: data.forks ?? null,
    };
  }
  return event.key === "machine" ? { memory_percent: data.memory_percent ?? null } : {};
}

export function startFigures(live) {
  if (!document.querySelector("[data-kpi], [data-chart]")) return;
  live.subscribe(["network", "system"]);
  live.addEventListener("event", ({ detail }) => {
    if (detail.isOld || (detail.topic !== "network" && detail.topic !== "system")) return;
    for (const [name, value] of Object.entries(figuresOf(detail))) {
      if (value === null) continue;
      // When it was measured, as records have it; the event is a moment younger.
      const timeMs = detail.data.time_ms ?? detail.time_ms;
      show(name, value, timeMs);
      document.dispatchEvent(new CustomEvent("deck:figure", { detail: { name, value, timeMs } }));
    }
  });
}

function show(name, value, timeMs) {
  // What a card says of it as well comes from the same measurement.
  for (const one of document.querySelectorAll(`[data-figure="${name}"]`)) one.textContent = figure(value);
  const box = document.querySelector(`[data-kpi="${name}"]`);
  if (!box) return;
  box.querySelector('[data-is="value"]').textContent = figure(value);
  date(box.querySelector('[data-is="age"]'), timeMs);
  draw(box.querySelector("[data-line]"), value);
}

function date(place, timeMs) {
  if (!place.querySelector("time")) place.replaceChildren(document.createElement("time"));
  tell(place.querySelector("time"), timeMs);
}

function draw(svg, value) {
  const known = svg.dataset.line.split(" ").filter(Boolean).map(Number);
  const values = [...known, value].slice(-LINE_POINTS);
  svg.dataset.line = values.join(" ");
  if (values.length < 2) return;
  const points = pointsOf(values);
  svg.querySelector("polyline").setAttribute("points", points);
  svg.querySelector("polygon").setAttribute("points", `0,28 ${points} 100,28`);
}

/** As the server draws them. */
export function pointsOf(values) {
  const low = Math.min(...values);
  const spread = Math.max(...values) - low || 1;
  const step = 100 / (values.length - 1);
  return values
    .map((value, place) => `${(place * step).toFixed(1)},${(26 - (24 * (value - low)) / spread).toFixed(1)}`)
    .join(" ");
}
