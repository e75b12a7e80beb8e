// Panels that the server drew and that may be old: fetched again whole and swapped, one page at a time.
//
// What somebody reads, types in or has selected is never taken from under them: such a panel waits
// until they are done.

const PAUSE_MS = 3_000;

export class Panels {
  constructor({ document = globalThis.document, fetch = (...given) => globalThis.fetch(...given), pauseMs = PAUSE_MS } = {}) {
    this._document = document;
    this._fetch = fetch;
    this._pauseMs = pauseMs;
    this._wanted = new Set();
    this._timer = null;
    this._isAsking = false;
  }

  /** Starts to ask for panels again when something they show has changed. */
  follow(live) {
    const topics = new Set();
    for (const panel of this._all()) for (const [topic] of wishes(panel)) topics.add(topic);
    live.subscribe([...topics]);
    live.addEventListener("event", ({ detail }) => {
      if (!detail.isOld) this.want(this._all().filter((panel) => isAbout(panel, detail)));
    });
    live.addEventListener("gap", () => this.want(this._all()));
    this._document.addEventListener("deck:filled", ({ target }) => this.want([target]));
    this._document.addEventListener("visibilitychange", () => this.want([]));
  }

  /** Has panels swapped soon; many wishes are one question. */
  want(panels) {
    for (const panel of panels) this._wanted.add(panel.id);
    if (this._wanted.size > 0 && !this._timer && !this._isAsking) {
      this._timer = setTimeout(() => this._ask(), this._pauseMs);
    }
  }

  /** Asks for all panels at once. */
  refresh() {
    for (const panel of this._all()) this._wanted.add(panel.id);
    return this._ask();
  }

  async _ask() {
    clearTimeout(this._timer);
    this._timer = null;
    if (this._document.hidden || this._isAsking) return;
    this._isAsking = true;
    const ids = [...this._wanted];
    this._wanted.clear();
    const page = await this._load();
    this._isAsking = false;
    const late = ids.filter((id) => !this._swap(id, page));
    // What scripts draw themselves is in the same answer.
    if (page) this._document.dispatchEvent(new CustomEvent("deck:page", { detail: { page } }));
    for (const id of late) this._wanted.add(id);
    // What could not be asked or is in use comes again after the pause.
    this.want([]);
  }

  async _load() {
    const location = this._document.location.href;
    const headers = { "X-Chaindeck-Poll": "1" };
    const answer = await this._fetch(location, { headers }).catch(() => null);
    // A transaction that nobody knows yet is an answer too.
    if (!answer || answer.redirected || !(answer.ok || answer.status === 404)) return null;
    return new DOMParser().parseFromString(await answer.text(), "text/html");
  }

  /** Returns whether nothing is left to do for this panel. */
  _swap(id, fresh) {
    const panel = this._document.getElementById(id);
    const other = fresh?.getElementById(id);
    if (!panel || !fresh) return !panel;
    if (!other) return true;
    if (isInUse(panel, this._document)) return false;
    const isOpen = panel.querySelector("details")?.open;
    panel.replaceChildren(...other.childNodes);
    panel.querySelector("details")?.toggleAttribute("open", Boolean(isOpen));
    return true;
  }

  _all() {
    return [...this._document.querySelectorAll("[data-polled]")];
  }
}

/** `data-refresh="chain node:node-1"`: topics, some of them about one key alone. */
export function wishes(panel) {
  return (panel.dataset.refresh ?? "").split(" ").filter(Boolean).map((wish) => {
    const [topic, ...key] = wish.split(":");
    return [topic, key.join(":")];
  });
}

export const isAbout = (panel, event) =>
  wishes(panel).some(([topic, key]) => topic === event.topic && (!key || key === event.key));

export function isInUse(panel, document) {
  const selection = document.getSelection?.();
  const isSelected = selection && !selection.isCollapsed && panel.contains(selection.anchorNode);
  return Boolean(isSelected) || (document.activeElement !== document.body && panel.contains(document.activeElement));
}
