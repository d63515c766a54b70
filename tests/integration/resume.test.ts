import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Server, until, type Client, type Person } from "./harness.ts";

let server: Server;
let ann: Person;
let bob: Person;
let general: string;

before(async () => {
  server = await Server.start(["--realtime.resume_max_events=50"]);
  ann = await server.person("ann", "owner");
  bob = await server.person("bob");
  general = await ann.room("general");
});
after(() => server.end());

test("two people see the same messages in the same order, the sender too", async () => {
  const [a, b] = [await ann.listen(), await bob.listen()];
  await Promise.all(Array.from({ length: 20 }, (_, index) => (index % 2 ? a : b).send(general, `both ${String(index)}`)));
  await until("all messages", () => a.texts().length === 20 && b.texts().length === 20);
  assert.deepEqual(a.texts(), b.texts());
  a.close();
  b.close();
});

test("whoever was away says the cursor and gets what was missed, once, in order, over a restart too", async () => {
  const b = await bob.listen();
  await ann.send(general, "before");
  await until("the message", () => b.texts().includes("before"));
  const cursor = b.cursor;
  b.close();
  await ann.send(general, "missed 1");
  await server.kill();
  await server.run();
  await ann.send(general, "missed 2");
  const again = await bob.listen(cursor);
  assert.equal(again.started["resumed"], true);
  assert.equal(again.started["missed"], 2);
  assert.equal(again.started["cursor"], cursor);
  await ann.send(general, "live");
  await until("the live message", () => again.texts().includes("live"));
  assert.deepEqual(again.texts(), ["missed 1", "missed 2", "live"]);
  again.close();
});

test("an altered, foreign or future cursor is answered with the state, never believed", async () => {
  const b = await bob.listen();
  const cursor = b.cursor ?? "";
  b.close();
  for (const bad of ["x", "a:b:c", cursor.replace(/.$/, (c) => (c === "0" ? "1" : "0")), cursor.replace(/:\d+:/, ":999999:"), `${cursor.startsWith("k") ? "m" : "k"}${cursor.slice(1)}`]) {
    const client = await bob.listen(bad);
    assert.equal(client.started["resumed"], false, bad);
    assert.equal(client.started["reason"], "cursor_invalid", bad);
    assert.ok(client.started["state"]);
    client.close();
  }
});

test("who missed too much gets the full state", async () => {
  const b = await bob.listen();
  const cursor = b.cursor;
  b.close();
  for (let index = 0; index < 51; index += 1) await ann.send(general, `many ${String(index)}`);
  const again = await bob.listen(cursor);
  assert.equal(again.started["reason"], "too_many");
  assert.equal("missed" in again.started, false);
  again.close();
});

test("nothing from before joining and nothing after leaving, live or resumed", async () => {
  const room = await ann.makeRoom("Closed", true);
  const bobId = await bob.id();
  const b = await bob.listen();
  const cursor = b.cursor;
  await ann.send(room, "before joining");
  await ann.ask("POST", `/rooms/${room}/members`, { user: bobId });
  await ann.send(room, "inside");
  await ann.ask("DELETE", `/rooms/${room}/members/${bobId}`);
  await ann.send(room, "after leaving");
  await ann.ask("PATCH", `/rooms/${room}`, { name: "Called so later", topic: "Thought of later" });
  await ann.send(general, "end");
  await until("the end", () => b.texts().includes("end"));
  assert.deepEqual(b.texts(room), ["inside"]);
  b.close();
  const resumed = await bob.listen(cursor);
  await until("the end again", () => resumed.texts().includes("end"));
  assert.deepEqual(resumed.texts(room), []);
  assert.ok(resumed.events.some((one) => one.event === "room.left" && one.room === room));
  assert.ok(resumed.events.some((one) => one.event === "room.joined" && one.room === room));
  assert.doesNotMatch(JSON.stringify(resumed.events), /later/, "nor what it was called after");
  resumed.close();
  assert.equal((await bob.ask("GET", `/rooms/${room}/messages`)).status, 404);
});

test("whoever rejoins a private room reads from the new joining on", async () => {
  const room = await ann.makeRoom("Again", true);
  const bobId = await bob.id();
  await ann.ask("POST", `/rooms/${room}/members`, { user: bobId });
  await ann.send(room, "first stay");
  await ann.ask("DELETE", `/rooms/${room}/members/${bobId}`);
  await ann.ask("POST", `/rooms/${room}/members`, { user: bobId });
  await ann.send(room, "second stay");
  assert.deepEqual((await bob.history(room)).map((one) => one.text), ["second stay"]);
});

test("what is done to a message from before joining a private room is not for whoever joined later", async () => {
  const room = await ann.makeRoom("Older", true);
  const [cat, bobId] = [await server.person("cat"), await bob.id()];
  await ann.ask("POST", `/rooms/${room}/members`, { user: await cat.id() });
  const idOf = async (text: string) => ((await ann.send(room, text)).body["message"] as { id: string }).id;
  const [old, gone] = [await idOf("old"), await idOf("gone")];
  const [b, c] = [await bob.listen(), await cat.listen()];
  const cursor = b.cursor;
  await ann.ask("POST", `/rooms/${room}/members`, { user: bobId });
  const fresh = await idOf("fresh");
  const change = (message: string, text: string) => ann.ask("PATCH", `/rooms/${room}/messages/${message}`, { text });
  await change(old, "old, corrected");
  await ann.ask("DELETE", `/rooms/${room}/messages/${gone}`);
  await change(fresh, "fresh, corrected");
  await ann.send(general, "changes end");
  const changes = (client: Client) => client.events.filter((one) => one.room === room && /message\.(edited|deleted)/.test(one.event)).map((one) => (one.data["message"] as { text?: string }).text ?? "");
  for (const client of [b, c]) await until("the end", () => client.texts().includes("changes end"));
  assert.deepEqual(changes(c), ["old, corrected", "", "fresh, corrected"]);
  assert.deepEqual(changes(b), ["fresh, corrected"]);
  b.close();
  c.close();

  const resumed = await bob.listen(cursor);
  await until("the end again", () => resumed.texts().includes("changes end"));
  assert.deepEqual(changes(resumed), ["fresh, corrected"]);
  assert.equal(resumed.started["missed"], resumed.events.filter((one) => one.cursor !== undefined && one.event !== "heartbeat").length, "missed counts what was sent");
  await change(old, "old, once more");
  await change(fresh, "fresh, once more");
  await until("the last change", () => changes(resumed).includes("fresh, once more"));
  assert.deepEqual(changes(resumed), ["fresh, corrected", "fresh, once more"]);
  resumed.close();
});

test("a session starts once, and the reply comes before every event", async () => {
  const b = await bob.connect();
  assert.equal(await b.code("session.start", { cursor: 7 }), "invalid_field");
  assert.deepEqual(await Promise.all([b.code("session.start"), b.code("session.start")]), ["ok", "already_started"]);
  assert.equal(await b.code("session.start"), "already_started");
  b.close();
});
