// Charts of a page, with uPlot; without this module the tables beside them say the same.

import uPlot from "uplot";
import { ZONE, day, minute, second } from "./lib/zone.js";

const KEPT_POINTS = 600;
const HEIGHT_PX = 220;
const WHOLE_STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 100_000, 1_000_000];
const drawn = new Map();

const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** A canvas knows no `light-dark()`: the browser computes the colour once for an element. */
function colour(name) {
  const probe = document.createElement("i");
  probe.hidden = true;
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found || token(name);
}

/** Hours and minutes; days where the whole is longer than two, seconds where ticks stand closer than a minute. */
function sayTimes(plot, ticks) {
  const isLong = plot.scales.x.max - plot.scales.x.min > 2 * 86_400_000;
  const isClose = ticks.length > 1 && ticks[1] - ticks[0] < 60_000;
  return ticks.map(isLong ? day : isClose ? second : minute);
}

/** What is counted has no tenths. */
const stepsOf = (values) => (values.every((value) => value === null || Number.isInteger(value)) ? { incrs: WHOLE_STEPS } : {});

function axis() {
  const grid = { stroke: colour("--line"), width: 1 };
  const font = `12px ${token("--sans")}`;
  return { stroke: colour("--text-3"), grid, ticks: grid, font };
}

function draw(box) {
  const [times, values] = drawn.get(box).data;
  drawn.get(box).plot?.destroy();
  const stroke = colour("--chart-1");
  const paths = "stepped" in box.dataset ? uPlot.paths.stepped({ align: 1 }) : undefined;
  const plot = new uPlot(
    {
      width: box.clientWidth,
      height: HEIGHT_PX,
      ms: 1,
      tzDate: (ms) => uPlot.tzDate(new Date(ms), ZONE),
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false } },
      scales: { y: { range: (_, low, high) => [Math.min(0, low), high > low ? high * 1.1 : high + 1] } },
      axes: [{ ...axis(), values: sayTimes, space: 64 }, { ...axis(), ...stepsOf(values), size: 56 }],
      series: [{}, { label: box.dataset.unit, stroke, width: 1.5, points: { show: false }, paths }],
    },
    [times, values],
    box,
  );
  drawn.set(box, { plot, data: [times, values] });
}

const boxes = [...document.querySelectorAll("[data-chart]")];
for (const box of boxes) drawn.set(box, { plot: null, data: JSON.parse(box.dataset.points) });

// A chart takes tens of milliseconds on a telephone: those below the fold are not drawn before they are near.
const sight = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting || drawn.get(target).plot) continue;
      draw(target);
      sight.unobserve(target);
    }
  },
  { rootMargin: "200px" },
);
for (const box of boxes) sight.observe(box);

const widths = new ResizeObserver((entries) => {
  for (const { target, contentRect } of entries) {
    const plot = drawn.get(target)?.plot;
    if (plot && Math.abs(plot.width - contentRect.width) > 1) {
      plot.setSize({ width: contentRect.width, height: HEIGHT_PX });
    }
  }
});
for (const box of boxes) widths.observe(box);

// Paper has no sight to come into.
addEventListener("beforeprint", () => {
  for (const box of boxes) if (!box.hidden && !drawn.get(box).plot) draw(box);
});

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  for (const box of boxes) if (drawn.get(box).plot) draw(box);
});

/** Adds what is newer than all that is known; a box that has enough for a line then comes into sight. */
function add(box, points) {
  const { plot, data } = drawn.get(box);
  for (const [timeMs, value] of points) {
    if (timeMs <= data[0].at(-1)) continue;
    data[0].push(timeMs);
    data[1].push(value);
  }
  while (data[0].length > KEPT_POINTS) for (const column of data) column.shift();
  plot?.setData(data);
  if (!box.hidden || data[0].length < 2) return;
  box.hidden = false;
  // Its table can be asked for now.
  box.nextElementSibling.dispatchEvent(new Event("deck:filled", { bubbles: true }));
}

document.addEventListener("deck:figure", ({ detail }) => {
  const box = boxes.find((one) => one.dataset.chart === detail.name);
  if (box) add(box, [[detail.timeMs, detail.value]]);
});

document.addEventListener("deck:page", ({ detail }) => {
  for (const box of boxes) {
    const fresh = detail.page.querySelector(`[data-chart="${box.dataset.chart}"]`);
    if (!fresh) continue;
    const [times, values] = JSON.parse(fresh.dataset.points);
    add(box, times.map((timeMs, place) => [timeMs, values[place]]));
  }
});
