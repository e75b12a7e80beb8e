// One line to the control room that comes back by itself, misses nothing, and knows when it is old.

const SILENCE_MS = 20_000;
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15_000;
const FINAL = new Set([4401, 4403]);

/** Emits "state" (live, away, connecting, refused, closed), "event", "snapshot", "gap", "hello", "beat". */
export class Connection extends EventTarget {
  /** `epoch` and `since`: what is known already, where that is so. */
  constructor(url, { WebSocket = globalThis.WebSocket, random = Math.random, epoch = null, since = null } = {}) {
    super();
    this.url = url;
    this.topics = new Set();
    this.epoch = epoch;
    this.since = since;
    // Whoever listens hears of the first attempt too: a line may never open.
    this.state = "closed";
    /** When the network was heard from last, by the control room's clock; null before that. */
    this.asOf = null;
    this._aheadMs = 0;
    this._WebSocket = WebSocket;
    this._random = random;
    this._attempt = 0;
    this._socket = null;
    this._timer = null;
    this._isWanted = false;
  }

  open() {
    this._isWanted = true;
    if (!this._socket) this._connect();
  }

  close() {
    this._isWanted = false;
    clearTimeout(this._timer);
    this._socket?.close();
    this._socket = null;
    this._become("closed");
  }

  /** Asks again at once, where a wait is under way: the tab woke up, the network is back. */
  hurry() {
    if (this._isWanted && !this._socket) this._connect();
  }

  subscribe(topics) {
    const fresh = topics.filter((topic) => !this.topics.has(topic));
    for (const topic of fresh) this.topics.add(topic);
    // Nothing is known of new topics yet: they start with a snapshot.
    if (fresh.length > 0 && this._isOpen()) this._say({ type: "subscribe", topics: fresh });
  }

  _isOpen() {
    return this._socket?.readyState === 1;
  }

  _say(message) {
    this._socket.send(JSON.stringify(message));
  }

  _connect() {
    clearTimeout(this._timer);
    this._become("connecting");
    const socket = new this._WebSocket(this.url);
    this._socket = socket;
    this._listen();
    socket.addEventListener("open", () => {
      const place = this.epoch === null ? {} : { epoch: this.epoch, since: this.since };
      if (socket === this._socket) this._say({ type: "subscribe", topics: [...this.topics], ...place });
    });
    socket.addEventListener("message", ({ data }) => {
      if (socket === this._socket) this._hear(JSON.parse(data));
    });
    socket.addEventListener("close", ({ code }) => {
      if (socket === this._socket) this._lose(code);
    });
  }

  /** A line without a word for twenty seconds is dead, whatever the system says of it. */
  _listen() {
    clearTimeout(this._timer);
    this._timer = setTimeout(() => {
      const socket = this._socket;
      this._lose(1006);
      socket?.close();
    }, SILENCE_MS);
  }

  _lose(code) {
    this._socket = null;
    clearTimeout(this._timer);
    if (!this._isWanted) return;
    if (FINAL.has(code)) {
      this._isWanted = false;
      this._become("refused");
      return;
    }
    this._become("connecting");
    const longest = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** this._attempt);
    this._attempt += 1;
    this._timer = setTimeout(() => this._connect(), longest * (0.5 + this._random() / 2));
  }

  _hear(message) {
    this._listen();
    // While the coordinator is away a beat is no news.
    if (this.state === "live") this.asOf = Date.now() + this._aheadMs;
    switch (message.type) {
      case "hello":
        this._attempt = 0;
        this._aheadMs = message.time_ms - Date.now();
        // Who was here before is about to get what was missed, and counts on by those.
        if (this.since === null || message.epoch !== this.epoch) this.since = message.seq;
        this.epoch = message.epoch;
        this._emit("hello", message);
        this._become(message.source.state, message.source);
        break;
      case "source":
        this._become(message.state, message);
        break;
      case "snapshot":
        for (const event of message.events) this._emit("event", { ...event, isOld: true });
        this._emit("snapshot", message);
        break;
      case "gap":
        this.since = message.seq;
        this._emit("gap", message);
        break;
      case "events":
        for (const event of message.events) {
          this._emit("event", event);
          this.since = event.seq;
        }
        break;
      case "beat":
        // Without a number while events of before it are still on their way.
        if (message.seq !== undefined) this.since = message.seq;
        this._emit("beat", message);
        break;
      case "error":
        console.error("the control room refused a message", message);
        break;
    }
  }

  _become(state, detail = {}) {
    if (state === this.state) return;
    this.state = state;
    if (state === "live") this.asOf = Date.now() + this._aheadMs;
    if (state === "away") this.asOf = detail.since_ms ?? null;
    this._emit("state", { state, ...detail });
  }

  _emit(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
