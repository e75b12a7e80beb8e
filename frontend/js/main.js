// What every page with a frame does: menus, keys, copying, times that stay true, and the live line.

import { Connection } from "./lib/connection.js";
import { startCopying } from "./lib/copying.js";
import { startKeys } from "./lib/keys.js";
import { startStanding } from "./lib/standing.js";
import { startTimes } from "./lib/times.js";
import { startChain } from "./lib/chain.js";
import { startFigures } from "./lib/figures.js";
import { Panels } from "./lib/panels.js";
import { startSearch } from "./lib/search.js";

const scheme = location.protocol === "https:" ? "wss" : "ws";
// What happened since the server drew this page is told first.
const { epoch, since } = document.querySelector(".app").dataset;
const place = epoch ? { epoch, since: Number(since) } : {};
const live = new Connection(`${scheme}://${location.host}/ws/live`, place);

startTimes();
startCopying();
startKeys();
startSearch();
const panels = new Panels();
startStanding(live, panels);
startChain(live);
startFigures(live);
panels.follow(live);

const menu = document.querySelector("[data-menu]");
menu?.addEventListener("click", () => {
  const isOpen = menu.getAttribute("aria-expanded") === "true";
  menu.setAttribute("aria-expanded", String(!isOpen));
});

live.open();
addEventListener("online", () => live.hurry());
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") live.hurry();
});
// The browser keeps a page that is left, and gives it back as it was.
addEventListener("pageshow", ({ persisted }) => persisted && live.hurry());
