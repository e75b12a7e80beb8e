import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";
import { Connection } from "../../frontend/js/lib/connection.js";
import { FakeSocket, event, hello } from "./fakes.mjs";

let line, heard;
beforeEach(() => {
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout"] });
  FakeSocket.made.length = 0;
  heard = [];
  line = new Connection("ws://deck/ws/live", { WebSocket: FakeSocket, random: () => 1 });
  for (const name of ["state", "event", "gap", "snapshot"]) {
    line.addEventListener(name, ({ detail }) => heard.push([name, detail]));
  }
});
const states = () => heard.filter(([name]) => name === "state").map(([, detail]) => detail.state);
const numbers = () => heard.filter(([name]) => name === "event").map(([, detail]) => detail.seq);

function opened(topics = ["chain"]) {
  line.subscribe(topics);
  line.open();
  FakeSocket.last.accept();
  FakeSocket.last.say(hello());
}

test("who knows nothing asks without a place", () => {
  opened();
  assert.deepEqual(FakeSocket.last.sent, [{ type: "subscribe", topics: ["chain"] }]);
  assert.deepEqual(states(), ["connecting", "live"]);
});

test("who comes with a place hears what was since", () => {
  line = new Connection("ws://deck", { WebSocket: FakeSocket, epoch: "e1", since: 7 });
  opened();
  assert.deepEqual(FakeSocket.last.sent, [{ type: "subscribe", topics: ["chain"], epoch: "e1", since: 7 }]);
  assert.equal(line.since, 7, "the hello is no place for who has one");
});

test("who comes back goes on from the last event heard", () => {
  opened();
  FakeSocket.last.say({ type: "events", events: [event(11), event(14)] });
  FakeSocket.last.close(1012);
  mock.timers.tick(500);
  assert.equal(FakeSocket.made.length, 2);
  FakeSocket.last.accept();
  assert.deepEqual(FakeSocket.last.sent[0], { type: "subscribe", topics: ["chain"], epoch: "e1", since: 14 });
  FakeSocket.last.say(hello({ seq: 20 }));
  FakeSocket.last.say({ type: "events", events: [event(15)] });
  FakeSocket.last.close(1006);
  mock.timers.tick(500);
  FakeSocket.last.accept();
  assert.equal(FakeSocket.last.sent[0].since, 15, "the hello of a line that resumes is no place");
  assert.deepEqual(numbers(), [11, 14, 15]);
});

test("a beat moves the place only where it tells a number", () => {
  opened();
  FakeSocket.last.say({ type: "beat", time_ms: 1 });
  assert.equal(line.since, 10);
  FakeSocket.last.say({ type: "beat", time_ms: 1, seq: 30 });
  assert.equal(line.since, 30);
});

test("another epoch begins anew", () => {
  opened();
  FakeSocket.last.close(1006);
  mock.timers.tick(500);
  FakeSocket.last.accept();
  FakeSocket.last.say(hello({ epoch: "e2", seq: 3 }));
  assert.deepEqual([line.epoch, line.since], ["e2", 3]);
});

test("a gap is told and is the new place", () => {
  opened();
  FakeSocket.last.say({ type: "gap", topics: ["chain"], seq: 99 });
  assert.equal(line.since, 99);
  assert.equal(heard.at(-1)[0], "gap");
});

test("events of a snapshot are marked as old", () => {
  opened();
  FakeSocket.last.say({ type: "snapshot", topic: "chain", seq: 10, events: [event(7)] });
  assert.equal(heard.find(([name]) => name === "event")[1].isOld, true);
  assert.equal(line.since, 10);
});

test("twenty seconds of silence are the end of a line", () => {
  opened();
  mock.timers.tick(19_999);
  assert.equal(FakeSocket.made.length, 1);
  FakeSocket.last.say({ type: "beat", time_ms: 1 });
  mock.timers.tick(19_999);
  assert.equal(FakeSocket.made.length, 1);
  mock.timers.tick(1);
  assert.deepEqual(states(), ["connecting", "live", "connecting"]);
  assert.equal(FakeSocket.made[0].readyState, 3);
  mock.timers.tick(500);
  assert.equal(FakeSocket.made.length, 2);
});

test("waits double up to fifteen seconds, and begin anew after a hello", () => {
  opened();
  const waits = [];
  for (let turn = 0; turn < 8; turn += 1) {
    const before = FakeSocket.made.length;
    FakeSocket.last.close(1006);
    let waited = 0;
    while (FakeSocket.made.length === before) {
      mock.timers.tick(500);
      waited += 500;
    }
    waits.push(waited);
  }
  assert.deepEqual(waits, [500, 1000, 2000, 4000, 8000, 15000, 15000, 15000]);
  FakeSocket.last.accept();
  FakeSocket.last.say(hello());
  FakeSocket.last.close(1006);
  mock.timers.tick(500);
  assert.equal(FakeSocket.made.length, 10);
});

test("chance shortens a wait by at most half", () => {
  line = new Connection("ws://deck", { WebSocket: FakeSocket, random: () => 0 });
  line.open();
  FakeSocket.last.close(1006);
  mock.timers.tick(249);
  assert.equal(FakeSocket.made.length, 1);
  mock.timers.tick(1);
  assert.equal(FakeSocket.made.length, 2);
});

for (const code of [4401, 4403]) {
  test(`close code ${code} is final`, () => {
    opened();
    FakeSocket.last.close(code);
    mock.timers.tick(60_000);
    assert.equal(FakeSocket.made.length, 1);
    assert.equal(line.state, "refused");
  });
}

test("hurry cuts a wait short and does nothing to an open line", () => {
  opened();
  line.hurry();
  assert.equal(FakeSocket.made.length, 1);
  FakeSocket.last.close(1006);
  line.hurry();
  assert.equal(FakeSocket.made.length, 2);
});

test("a paused line keeps its place", () => {
  opened();
  FakeSocket.last.say({ type: "events", events: [event(12)] });
  line.close();
  mock.timers.tick(60_000);
  assert.equal(FakeSocket.made.length, 1);
  line.open();
  FakeSocket.last.accept();
  assert.equal(FakeSocket.last.sent[0].since, 12);
});

test("the coordinator's absence is told, and its return", () => {
  opened();
  FakeSocket.last.say({ type: "source", state: "away", since_ms: 5 });
  FakeSocket.last.say({ type: "source", state: "live" });
  assert.deepEqual(states(), ["connecting", "live", "away", "live"]);
});

test("a line that never opens is told to be under way, once", () => {
  assert.equal(line.state, "closed");
  line.open();
  for (const code of [1006, 1013, 4429]) {
    FakeSocket.last.close(code);
    mock.timers.tick(15_000);
  }
  assert.equal(FakeSocket.made.length, 4);
  assert.deepEqual(states(), ["connecting"]);
  assert.equal(line.asOf, null, "nothing was heard");
});

test("what is known is of the last word of a live network, by the control room's clock", () => {
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout", "Date"], now: 1_000 });
  line.open();
  FakeSocket.last.accept();
  FakeSocket.last.say(hello({ time_ms: 50_000 }));
  assert.equal(line.asOf, 50_000);
  mock.timers.tick(7_000);
  FakeSocket.last.say({ type: "beat", time_ms: 57_000 });
  assert.equal(line.asOf, 57_000);
  FakeSocket.last.say({ type: "source", state: "away", since_ms: 55_000 });
  mock.timers.tick(15_000);
  FakeSocket.last.say({ type: "beat", time_ms: 72_000 });
  assert.equal(line.asOf, 55_000, "a beat while the coordinator is away is no news");
  FakeSocket.last.say({ type: "source", state: "live" });
  assert.equal(line.asOf, 72_000);
  FakeSocket.last.say({ type: "source", state: "away", since_ms: null });
  assert.equal(line.asOf, null);
});

test("topics asked for later are subscribed once, without a place", () => {
  opened();
  line.subscribe(["chain", "pool"]);
  assert.deepEqual(FakeSocket.last.sent[1], { type: "subscribe", topics: ["pool"] });
});

test("an old socket's last words change nothing", () => {
  opened();
  const old = FakeSocket.last;
  mock.timers.tick(20_000);
  mock.timers.tick(500);
  old.say({ type: "events", events: [event(50)] });
  assert.equal(line.since, 10);
});
