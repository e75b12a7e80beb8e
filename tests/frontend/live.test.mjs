import assert from "node:assert/strict";
import { test } from "node:test";
import { connect } from "../../frontend/js/chaindeck-live.js";
import { figuresOf, pointsOf } from "../../frontend/js/lib/figures.js";
import { isAbout, isInUse, wishes } from "../../frontend/js/lib/panels.js";
import { FakeSocket, event, hello } from "./fakes.mjs";

test("a page elsewhere hears the topics it asks for, until it hangs up", () => {
  const heard = [];
  const live = connect("ws://deck", { topics: ["chain"], WebSocket: FakeSocket });
  const end = live.on("chain", ({ seq }) => heard.push(seq));
  live.on("pool", ({ seq }) => heard.push(`pool ${seq}`));
  live.on("state", ({ state }) => heard.push(state));
  FakeSocket.last.accept();
  assert.deepEqual(FakeSocket.last.sent[0].topics, ["chain", "pool"]);
  FakeSocket.last.say(hello());
  FakeSocket.last.say({ type: "events", events: [event(11), event(12, "pool"), event(13, "node")] });
  end();
  FakeSocket.last.say({ type: "events", events: [event(14)] });
  assert.deepEqual(heard, ["live", 11, "pool 12"]);
  live.disconnect();
  assert.equal(live.state, "closed");
});

const panel = (refresh) => ({ dataset: { refresh } });

test("a panel is about its topics, and about its key where it names one", () => {
  assert.deepEqual(wishes(panel("chain node:a:b")), [["chain", ""], ["node", "a:b"]]);
  assert.ok(isAbout(panel("chain"), { topic: "chain", key: "x" }));
  assert.ok(isAbout(panel("transaction:ab"), { topic: "transaction", key: "ab" }));
  assert.ok(!isAbout(panel("transaction:ab"), { topic: "transaction", key: "cd" }));
  assert.ok(!isAbout(panel(undefined), { topic: "chain", key: "" }));
});

test("a panel that is stood in or selected from is in use", () => {
  const inside = {};
  const box = { contains: (one) => one === inside };
  const page = (activeElement, selection) => ({ body: "body", activeElement, getSelection: () => selection });
  assert.ok(isInUse(box, page(inside, null)));
  assert.ok(isInUse(box, page("body", { isCollapsed: false, anchorNode: inside })));
  assert.ok(!isInUse(box, page("body", { isCollapsed: true, anchorNode: inside })));
});

test("figures come from the events that measure them", () => {
  const network = { topic: "network", key: "network", data: { blocks_per_minute: 6, hash_rate: 2000, tx_rate: 0 } };
  assert.deepEqual(figuresOf(network), { interval: 10, tx_rate: 0, pool_count: null, hash_rate: 2, propagation_ms: null, forks: null });
  assert.deepEqual(figuresOf({ topic: "system", key: "machine", data: { memory_percent: 4 } }), { memory_percent: 4 });
  assert.deepEqual(figuresOf({ topic: "system", key: "web", data: {} }), {});
});

test("a line is drawn as the server draws it", () => {
  assert.equal(pointsOf([1, 2, 3]), "0.0,26.0 50.0,14.0 100.0,2.0");
  assert.equal(pointsOf([5, 5]), "0.0,26.0 100.0,26.0");
});
