// Hears what happens on a Chaindeck network, from any page: a module without dependencies.
//
//     import { connect } from "https://deck.example.org/static/chaindeck-live.js";
//     const live = connect("wss://deck.example.org/ws/live", { topics: ["chain"] });
//     live.on("chain", (event) => console.log(event.data.height));

import { Connection } from "./lib/connection.js";
import { count } from "./lib/text.js";
import { second } from "./lib/zone.js";

const OF_LINE = new Set(["state", "gap", "hello", "snapshot", "beat"]);

/** Opens a line that comes back by itself. Options: `topics`, and `WebSocket` for other systems. */
export function connect(url, { topics = [], WebSocket, random } = {}) {
  const line = new Connection(url, { WebSocket, random });
  line.subscribe(topics);
  line.open();
  return new Live(line);
}

class Live {
  constructor(line) {
    this._line = line;
    this._ends = new Set();
  }

  /** live, away, connecting, refused or closed. */
  get state() {
    return this._line.state;
  }

  /** When the network was heard from last, in Unix milliseconds; null before that. */
  get asOf() {
    return this._line.asOf;
  }

  /** Calls back with each event of a topic, or with what OF_LINE names. Returns how to stop. */
  on(name, callback) {
    const isOfLine = OF_LINE.has(name);
    const hear = isOfLine
      ? ({ detail }) => callback(detail)
      : ({ detail }) => detail.topic === name && callback(detail);
    const kind = isOfLine ? name : "event";
    this._line.addEventListener(kind, hear);
    if (!isOfLine) this._line.subscribe([name]);
    const end = () => {
      this._line.removeEventListener(kind, hear);
      this._ends.delete(end);
    };
    this._ends.add(end);
    return end;
  }

  /** Closes the line, and calls nobody back any more. */
  disconnect() {
    for (const end of [...this._ends]) end();
    this._line.close();
  }
}

const WORDS = { live: "Live", away: "Coordinator away", connecting: "Connecting", refused: "Not allowed", closed: "Stopped" };
const UNKNOWN = "—";
const STYLE = `:host { display: inline-flex; flex-wrap: wrap; gap: 4px 16px; font: 14px/20px system-ui, sans-serif; }
:host([state="live"]) [part="state"]::before { background: #0b6b4f; }
[part="state"]::before { content: ""; display: inline-block; width: 8px; height: 8px; margin-right: 6px; border-radius: 50%; background: #8a4b00; }
:host(:not([state="live"])) b:not([part="state"]) { opacity: 0.6; filter: grayscale(1); }
b { font-variant-numeric: tabular-nums; }
[part="age"] { font-weight: 400; }`;

/** `<live-dashboard src="wss://deck.example.org/ws/live">`: height, waiting, nodes, and of when that is. */
class LiveDashboard extends (globalThis.HTMLElement ?? class {}) {
  connectedCallback() {
    const root = this.shadowRoot ?? this.attachShadow({ mode: "open" });
    root.replaceChildren();
    // A sheet of the script's own: it works where a page's policy forbids inline styles.
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    root.adoptedStyleSheets = [sheet];
    const state = this._make("state", "");
    const height = this._make("height", "Height");
    const waiting = this._make("waiting", "Waiting");
    const nodes = this._make("nodes", "Nodes up");
    const age = this._make("age", "");
    const states = new Map();
    this._live = connect(this.getAttribute("src"));
    this._live.on("state", (now) => this._tell(state, now.state));
    for (const name of ["state", "beat", "chain", "pool", "node"]) {
      this._live.on(name, () => this._date(age, this._live.asOf));
    }
    // What is lost may have been the end of a node; those that are left come again.
    this._live.on("gap", ({ topics }) => {
      if (!topics.includes("node")) return;
      states.clear();
      nodes.textContent = UNKNOWN;
    });
    this._live.on("chain", ({ data }) => (height.textContent = count(data.height)));
    this._live.on("pool", ({ data }) => (waiting.textContent = count(data.count)));
    this._live.on("node", ({ kind, key, data }) => {
      if (kind === "removed") states.delete(key);
      else states.set(key, data.state);
      const up = [...states.values()].filter((one) => one === "up").length;
      nodes.textContent = `${up} of ${states.size}`;
    });
    this._tell(state, this._live.state);
  }

  disconnectedCallback() {
    this._live?.disconnect();
  }

  _make(part, title) {
    const box = document.createElement("span");
    const value = document.createElement("b");
    value.setAttribute("part", part);
    box.append(title ? `${title} ` : "", value);
    this.shadowRoot.append(box);
    if (title) value.textContent = UNKNOWN;
    return value;
  }

  _date(box, asOf) {
    box.textContent = asOf === null ? "" : `as of ${second(asOf)}`;
  }

  _tell(box, state) {
    this.setAttribute("state", state);
    box.textContent = WORDS[state];
  }
}

if (globalThis.customElements && !customElements.get("live-dashboard")) {
  customElements.define("live-dashboard", LiveDashboard);
}
