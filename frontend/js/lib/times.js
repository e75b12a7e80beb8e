// Times say how long ago something was, and go on saying so.

import { ago } from "./text.js";
import { absolute } from "./zone.js";

const STEP_MS = 1_000;

/** The server's clock, as far as this page can tell. */
let offsetMs = 0;
export function setClock(serverMs) {
  offsetMs = serverMs - Date.now();
}

export const now = () => Date.now() + offsetMs;

export function startTimes() {
  setInterval(() => {
    if (document.hidden || document.documentElement.hasAttribute("data-paused")) return;
    for (const time of document.querySelectorAll("time[data-ms]")) refresh(time);
  }, STEP_MS);
}

/** Has a time be another one, in everything that it says. */
export function tell(time, ms) {
  time.dataset.ms = ms;
  time.dateTime = new Date(ms).toISOString();
  time.title = absolute(ms);
  refresh(time);
}

function refresh(time) {
  const text = ago(now() - Number(time.dataset.ms));
  if (time.textContent !== text) time.textContent = text;
}
