// Says whether what is shown is of now: the pill in the bar, and grey where it is not.
//
// What a page shows is as old as the page, until the line tells more. A page drawn while the
// coordinator is away says so by itself; it is asked for again when that is over.

import { setClock } from "./times.js";
import { second } from "./zone.js";

const LOOKS = {
  live: ["ok", "check", "Live"],
  away: ["warn", "alert", "Coordinator away"],
  connecting: ["warn", "alert", "Reconnecting"],
  refused: ["error", "cross", "Live line refused"],
  closed: ["idle", "pause", "Paused"],
};
const POLLED = new Set(["connecting", "refused"]);
const TOLD = new Set(["live", "away"]);
const PATIENCE_MS = 2_000;
const POLL_MS = 10_000;

export function startStanding(live, panels) {
  const pill = document.querySelector('[data-live="connection"]');
  const root = document.documentElement;
  let asOf = drawnAt(document);
  let isDrawnAway = root.hasAttribute("data-stale");
  let wasGreeted = false;
  let late = null;
  let polling = null;

  const show = (state) => {
    const [status, icon, known] = LOOKS[state];
    const word = state === "connecting" && !wasGreeted ? "Connecting" : known;
    pill.dataset.status = status;
    pill.querySelector("span").textContent = state === "live" || !asOf ? word : `${word}, as of ${second(asOf)}`;
    const use = pill.querySelector("use");
    use.setAttribute("href", use.getAttribute("href").replace(/#.*/, `#${icon}`));
    root.toggleAttribute("data-stale", state !== "live" && state !== "closed");
  };

  live.addEventListener("hello", ({ detail }) => {
    wasGreeted = true;
    setClock(detail.time_ms);
  });
  for (const name of ["event", "beat"]) live.addEventListener(name, () => (asOf = live.asOf));
  live.addEventListener("state", ({ detail: { state } }) => {
    clearTimeout(late);
    clearInterval(polling);
    if (TOLD.has(state)) {
      asOf = live.asOf;
      if (isDrawnAway !== (state === "away")) panels.refresh();
      isDrawnAway = state === "away";
    }
    // A line that is back within two seconds is not worth a flash of grey.
    if (state === "connecting") late = setTimeout(() => show(state), PATIENCE_MS);
    else show(state);
    if (POLLED.has(state)) polling = setInterval(() => poll(panels), POLL_MS);
    if (state === "refused") leaveIfSignedOut();
  });
  document.addEventListener("deck:page", ({ detail }) => {
    if (!POLLED.has(live.state)) return;
    asOf = drawnAt(detail.page);
    if (root.hasAttribute("data-stale")) show(live.state);
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

/** Of when a page is, by its own word; nothing where it knows of nothing. */
const drawnAt = (page) => Number(page.querySelector(".app").dataset.asOf || 0);

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
