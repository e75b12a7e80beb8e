// Says whether what is shown is of now: the pill in the bar, and grey where it is not.

import { setClock } from "./times.js";

const LOOKS = {
  live: ["ok", "check", "Live"],
  away: ["warn", "alert", "Coordinator away"],
  connecting: ["warn", "alert", "Reconnecting"],
  refused: ["error", "cross", "Live line refused"],
  closed: ["idle", "pause", "Paused"],
};
const DATED = new Set(["away", "connecting", "refused"]);
const POLLED = new Set(["connecting", "refused"]);
const PATIENCE_MS = 2_000;
const POLL_MS = 10_000;

export function startStanding(live, panels) {
  const pill = document.querySelector('[data-live="connection"]');
  const root = document.documentElement;
  let asOf = Date.now();
  let late = null;
  let polling = null;

  const show = (state) => {
    const [status, icon, word] = LOOKS[state];
    pill.dataset.status = status;
    pill.querySelector("span").textContent = DATED.has(state) ? `${word}, as of ${clock(asOf)}` : word;
    const use = pill.querySelector("use");
    use.setAttribute("href", use.getAttribute("href").replace(/#.*/, `#${icon}`));
    root.toggleAttribute("data-stale", state !== "live" && state !== "closed");
  };

  live.addEventListener("hello", ({ detail }) => setClock(detail.time_ms));
  for (const name of ["event", "beat"]) live.addEventListener(name, () => (asOf = Date.now()));
  live.addEventListener("state", ({ detail }) => {
    clearTimeout(late);
    clearInterval(polling);
    if (detail.state === "live") asOf = Date.now();
    if (detail.state === "away" && detail.since_ms) asOf = detail.since_ms;
    // A line that is back within two seconds is not worth a flash of grey.
    if (detail.state === "connecting") late = setTimeout(() => show("connecting"), PATIENCE_MS);
    else show(detail.state);
    if (POLLED.has(detail.state)) polling = setInterval(() => poll(panels), POLL_MS);
    if (detail.state === "refused") leaveIfSignedOut();
  });

  const pause = document.querySelector("[data-pause]");
  pause.hidden = false;
  pause.addEventListener("click", () => {
    const isPaused = root.toggleAttribute("data-paused");
    pause.setAttribute("aria-pressed", String(isPaused));
    pause.querySelector("span").textContent = isPaused ? "Go on" : "Pause";
    if (isPaused) live.close();
    else live.open();
  });
}

/** A page that its reader may still see stays: loading it again would be refused the line again, for ever. */
async function leaveIfSignedOut() {
  const headers = { "X-Chaindeck-Poll": "1" };
  const answer = await fetch(location.href, { headers }).catch(() => null);
  if (answer?.redirected || answer?.status === 401 || answer?.status === 403) location.reload();
}

/** Has everything that can be asked for asked for again: no line says what changed. */
function poll(panels) {
  panels.refresh();
  document.dispatchEvent(new CustomEvent("deck:poll"));
}

const clock = (ms) => new Date(ms).toLocaleTimeString("en-GB");
