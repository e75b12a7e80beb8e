// The height in the bar, the ribbon, and lists that say how much is new without moving.

import { count, fillOf, rates, size } from "./text.js";
import { tell } from "./times.js";

const SHOWN_AHEAD = 2;

export function startChain(live) {
  live.subscribe(["chain"]);
  live.addEventListener("event", ({ detail }) => {
    // Polling puts another one there.
    const height = document.querySelector('[data-live="height"]');
    if (height && detail.topic === "chain" && typeof detail.data.height === "number") {
      height.textContent = `#${count(detail.data.height)}`;
    }
  });
  for (const frame of document.querySelectorAll(".ribbon-frame")) startRibbon(frame, live);
  for (const link of document.querySelectorAll("[data-fresh]")) startFresh(link, live);
}

function startRibbon(frame, live) {
  const ribbon = frame.querySelector("[data-ribbon]");
  // The memory pool shows only what is to come.
  const hasBlocks = Number(ribbon.dataset.ribbon) > 0;
  live.subscribe(hasBlocks ? ["block", "pool"] : ["pool"]);
  const apply = (event) => {
    if (event.topic === "pool") showAhead(frame, ribbon, event.data);
    if (!hasBlocks || event.topic !== "block" || event.isOld) return;
    if (event.kind === "disconnected") takeBack(ribbon, event.key);
    else putOn(frame, ribbon, event.data);
  };
  live.addEventListener("event", ({ detail }) => apply(detail));
  // What was missed is on the page of now; only the ribbon is taken from it.
  if (hasBlocks) {
    const again = async () => {
      for (const event of await heardMeanwhile(live, () => reload(frame))) apply(event);
    };
    live.addEventListener("gap", again);
    document.addEventListener("deck:poll", again);
  }
}

const find = (ribbon, hash) => ribbon.querySelector(`[data-hash="${CSS.escape(hash)}"]`);

function takeBack(ribbon, hash) {
  find(ribbon, hash)?.setAttribute("data-kind", "stale");
  if (ribbon.querySelector('[data-kind="tip"]')) return;
  ribbon.querySelector('[data-kind="block"]')?.setAttribute("data-kind", "tip");
}

function putOn(frame, ribbon, block) {
  const known = find(ribbon, block.hash);
  if (known && known.dataset.kind !== "stale") return;
  known?.remove();
  for (const stale of ribbon.querySelectorAll('[data-kind="stale"]')) {
    if (stale.dataset.height === String(block.height)) stale.remove();
  }
  ribbon.querySelector('[data-kind="tip"]')?.setAttribute("data-kind", "block");
  ribbon.querySelector(".now").after(makeBlock(frame, ribbon, block));
  const blocks = [...ribbon.querySelectorAll("[data-hash]")];
  for (const old of blocks.slice(Number(ribbon.dataset.ribbon))) {
    // A link that somebody stands on stays until they have left it.
    if (old !== document.activeElement) old.remove();
  }
}

/** From the template beside the ribbon, so that server and script write the same markup. */
function makeBlock(frame, ribbon, block) {
  const made = copyOf(frame, "block");
  made.href = made.getAttribute("href").replace("HASH", block.hash);
  Object.assign(made.dataset, { hash: block.hash, height: block.height, kind: "tip", new: "" });
  made.dataset.fill = fillOf(block.size, Number(ribbon.dataset.full));
  say(made, "height", count(block.height));
  say(made, "count", count(block.tx_count));
  say(made, "size", size(block.size));
  say(made, "fee", rates([block.lowest_per_kb, block.highest_per_kb]));
  say(made, "miner", block.miner ? `…${block.miner.slice(-8)}` : "genesis");
  tell(made.querySelector("time"), block.time_ms);
  return made;
}

function showAhead(frame, ribbon, pool) {
  const coming = (pool.projected_blocks ?? []).slice(0, SHOWN_AHEAD);
  const full = pool.max_block_bytes ?? 0;
  ribbon.dataset.full = full;
  for (const old of ribbon.querySelectorAll("[data-ahead]")) {
    if (Number(old.dataset.ahead || 0) >= coming.length && old !== document.activeElement) old.remove();
  }
  for (const [place, block] of coming.entries()) {
    let shown = ribbon.querySelector(`[data-ahead="${place}"]`);
    if (!shown) {
      shown = copyOf(frame, "coming");
      shown.dataset.ahead = place;
      ribbon.prepend(shown);
    }
    shown.dataset.fill = fillOf(block.bytes, full);
    say(shown, "title", place ? `next + ${place}` : "next");
    say(shown, "count", count(block.count));
    say(shown, "size", size(block.bytes));
    say(shown, "fee", rates([block.lowest_per_kb, block.highest_per_kb]));
  }
}

/** Returns the events that came while `load` ran and that the page it resolves to, by its number, has not. */
async function heardMeanwhile(live, load) {
  const heard = [];
  const hear = ({ detail }) => heard.push(detail);
  live.addEventListener("event", hear);
  const since = await load();
  live.removeEventListener("event", hear);
  return heard.filter((event) => event.seq > since);
}

/** Takes the ribbon from a new page; returns the number of the last event that the page knows. */
async function reload(frame) {
  const answer = await fetch(location.pathname, { headers: { "X-Chaindeck-Poll": "1" } }).catch(() => null);
  const text = answer?.ok ? await answer.text().catch(() => "") : "";
  const page = new DOMParser().parseFromString(text, "text/html");
  const fresh = page.querySelector("[data-ribbon]");
  const ribbon = frame.querySelector("[data-ribbon]");
  if (!fresh || !ribbon) return Infinity;
  if (ribbon.contains(document.activeElement) && document.activeElement !== ribbon) return Infinity;
  ribbon.dataset.full = fresh.dataset.full;
  ribbon.replaceChildren(...fresh.childNodes);
  return Number(page.querySelector(".app").dataset.since ?? 0);
}

/** "7 new, show": a list never moves while it is read. */
function startFresh(link, live) {
  const [topic, kind] = link.dataset.fresh.split(":");
  const wanted = kind ?? "connected";
  let fresh = 0;
  let isUnsure = false;
  const show = () => {
    link.hidden = false;
    link.textContent = isUnsure ? "There is news, show" : `${count(fresh)} new, show`;
  };
  live.subscribe([topic]);
  live.addEventListener("event", ({ detail }) => {
    if (detail.topic !== topic || detail.kind !== wanted || detail.isOld) return;
    fresh += 1;
    show();
  });
  live.addEventListener("gap", () => {
    isUnsure = true;
    show();
  });
}

const copyOf = (frame, name) =>
  frame.querySelector(`template[data-of="${name}"]`).content.firstElementChild.cloneNode(true);

const say = (made, name, text) => (made.querySelector(`[data-is="${name}"]`).textContent = text);
