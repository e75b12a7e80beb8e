// A socket and a clock that a test moves by hand.
export class FakeSocket extends EventTarget {
  static made = [];
  constructor(url) {
    super();
    Object.assign(this, { url, readyState: 0, sent: [] });
    FakeSocket.made.push(this);
  }
  static get last() {
    return FakeSocket.made.at(-1);
  }
  accept() {
    this.readyState = 1;
    this.dispatchEvent(new Event("open"));
  }
  say(message) {
    this.dispatchEvent(Object.assign(new Event("message"), { data: JSON.stringify(message) }));
  }
  send(text) {
    this.sent.push(JSON.parse(text));
  }
  close(code = 1000) {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.dispatchEvent(Object.assign(new Event("close"), { code }));
  }
}

export const hello = (more = {}) => ({ type: "hello", epoch: "e1", seq: 10, time_ms: 0, source: { state: "live" }, ...more });
export const event = (seq, topic = "chain", data = {}) => ({ seq, topic, kind: "tip", key: topic, time_ms: seq, data });
