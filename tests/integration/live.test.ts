/* What people see happen: typing, presence, read markers, profiles, rooms, the end of a session. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { cliIn, Person, Server, until, type Client, type EventJson, type Json, type MessageJson, type RoomJson } from "./harness.ts";

/* Of the issue: offline at most so long after a cut cable; out everywhere within a second. */
const offlineLimit_ms = 30_000;
const outLimit_ms = 1000;

let server: Server;
let ann: Person;
let bob: Person;
let cal: Person;
let guy: Person;
let general: string;
const ids = { ann: "", bob: "", cal: "", guy: "" };
const open: Client[] = [];

before(async () => {
  server = await Server.start();
  ann = await server.person("ann", "owner");
  bob = await server.person("bob");
  cal = await server.person("cal");
  guy = await server.person("guy", "guest");
  for (const who of [ann, bob, cal, guy]) ids[who.name as keyof typeof ids] = await who.id();
  general = await ann.room("general");
});
after(() => server.end());

async function listen(who: Person, cursor?: string): Promise<Client> {
  const client = await who.listen(cursor);
  open.push(client);
  return client;
}

/** A private room of ann's with these people in it. */
async function roomOf(name: string, ...members: Person[]): Promise<string> {
  const room = await ann.makeRoom(name, true);
  for (const who of members) assert.equal((await ann.ask("POST", `/rooms/${room}/members`, { user: await who.id() })).status, 201);
  return room;
}

/** Everything that was sent to the clients before now has arrived when this returns. */
async function settle(room: string, ...clients: Client[]): Promise<void> {
  const text = `mark ${crypto.randomUUID()}`;
  await ann.send(room, text);
  await Promise.all(clients.map((client) => until("the mark", () => client.texts(room).includes(text))));
}

const kinds = (client: Client, ...names: string[]): EventJson[] => client.events.filter((one) => names.includes(one.event));
const isPresence = (who: string, list: "online" | "offline") => (one: EventJson): boolean => one.event === "presence.changed" && (one.data[list] as string[]).includes(who);

/** Who was online in the test before has been told offline: else their coming back is none. */
async function nobodyOnline(): Promise<void> {
  await until("nobody online", async () => ((await ann.ask("GET", "/presence")).body["online"] as string[]).length === 0);
}

function closeAll(): void {
  for (const client of open.splice(0)) client.close();
}

/* ---- typing ---- */

test("who types is shown to the room's members, guests too, to nobody else, and is never replayed", async () => {
  const room = await roomOf("typing", bob, guy);
  const [a, b, c, g] = [await listen(ann), await listen(bob), await listen(cal), await listen(guy)];
  await settle(room, a, b, g);
  await settle(general, c);
  const cursor = a.cursor;
  assert.equal((await bob.ask("POST", `/rooms/${room}/typing`)).status, 200);
  for (const client of [a, g]) {
    const event = await client.waitFor("typing", (one) => one.event === "typing.started");
    assert.deepEqual(event, { event: "typing.started", room, data: { user: { id: ids.bob, name: "bob", display_name: "bob" } } });
  }
  assert.equal(await b.code("typing.start", { room }), "ok");
  await settle(room, a, b, g);
  await settle(general, c);
  assert.deepEqual(kinds(c, "typing.started"), []);
  const resumed = await listen(ann, cursor);
  assert.equal(resumed.started["resumed"], true);
  await settle(room, resumed);
  assert.deepEqual(kinds(resumed, "typing.started"), []);
  closeAll();
});

/* ---- presence ---- */

test("one is online while any session is open, and offline soon after the last", async () => {
  await nobodyOnline();
  const a = await listen(ann);
  const [one, two] = [await listen(bob), await bob.connect()];
  await a.waitFor("bob online", isPresence(ids.bob, "online"));
  assert.ok(((await ann.ask("GET", "/presence")).body["online"] as string[]).includes(ids.bob));
  assert.ok(((one.started["state"] as Json)["online"] as string[]).includes(ids.ann));
  const other = await listen(cal);
  await a.waitFor("cal online", isPresence(ids.cal, "online"));
  one.close();
  await until("bob's socket to be gone", () => one.closed);
  other.close();
  await a.waitFor("cal offline", isPresence(ids.cal, "offline"));
  assert.equal(a.events.some(isPresence(ids.bob, "offline")), false);
  two.close();
  await a.waitFor("bob offline", isPresence(ids.bob, "offline"));
  assert.ok(!((await ann.ask("GET", "/presence")).body["online"] as string[]).includes(ids.bob));
  closeAll();
});

test("a reload is not seen", async () => {
  await nobodyOnline();
  const a = await listen(ann);
  const first = await listen(bob);
  await a.waitFor("bob online", isPresence(ids.bob, "online"));
  first.close();
  await until("the socket to be gone", () => first.closed);
  const other = await listen(cal);
  await a.waitFor("cal online", isPresence(ids.cal, "online")); // whoever is gone would be told with it
  await listen(bob);
  other.close();
  await a.waitFor("cal offline", isPresence(ids.cal, "offline"));
  assert.equal(a.events.some(isPresence(ids.bob, "offline")), false);
  closeAll();
});

test("guests are told nothing of who is online; a resumed session is told afresh", async () => {
  await nobodyOnline();
  const [a, g] = [await listen(ann), await listen(guy)];
  assert.deepEqual((g.started["state"] as Json)["online"], []);
  await settle(general, a);
  const cursor = a.cursor;
  a.close();
  const b = await listen(bob);
  const resumed = await listen(ann, cursor);
  assert.equal(resumed.started["resumed"], true);
  assert.ok((resumed.started["online"] as string[]).includes(ids.bob));
  b.close();
  await resumed.waitFor("bob offline", isPresence(ids.bob, "offline"));
  const room = await roomOf("for the guest", guy);
  await settle(room, g);
  assert.deepEqual(kinds(g, "presence.changed", "user.updated", "room.created"), []);
  closeAll();
});

test("whose cable is cut is offline at most 30 s later, and the server closes the dead socket", async () => {
  await nobodyOnline();
  const a = await listen(ann);
  const b = await listen(bob);
  await a.waitFor("bob online", isPresence(ids.bob, "online"));
  await settle(general, a, b);
  b.socket.pause(); // reads no ping, answers nothing, says no goodbye
  const cut = Date.now();
  await until("bob to be offline", () => a.events.some(isPresence(ids.bob, "offline")), offlineLimit_ms + 5000);
  assert.ok(Date.now() - cut <= offlineLimit_ms, `${String(Date.now() - cut)} ms`);
  assert.equal(a.closed, undefined);
  b.socket.resume();
  await until("the close", () => b.closed);
  closeAll();
});

/* ---- read markers ---- */

test("a read marker moves in the own other sessions and in nobody else's", async () => {
  const room = await roomOf("reading", bob);
  const [here, there, a] = [await listen(bob), await listen(bob), await listen(ann)];
  const seq = ((await ann.send(room, "read me")).body["message"] as MessageJson).seq;
  await settle(room, here, there, a);
  const marker = (await here.result("read.update", { room, seq }))["marker"];
  assert.deepEqual(marker, { room, seq, unread: 1 });
  const event = await there.waitFor("the marker", (one) => one.event === "read.updated");
  assert.deepEqual(event.data["marker"], marker);
  await here.result("read.update", { room, seq });
  await settle(room, there, a);
  assert.equal(kinds(there, "read.updated").length, 1);
  assert.deepEqual(kinds(a, "read.updated"), []);
  const cursor = there.cursor;
  there.close();
  const end = await here.result("read.update", { room, seq: seq + 1 });
  const resumed = await listen(bob, cursor);
  assert.deepEqual(resumed.started["markers"], [end["marker"]]);
  await settle(room, resumed);
  /* A marker is a state, no event of the log: what another loop still has on its way says it once more. */
  for (const again of kinds(resumed, "read.updated")) assert.deepEqual(again.data["marker"], end["marker"]);
  closeAll();
});

/* ---- people ---- */

test("a changed profile is shown to everybody at once; an e-mail address to nobody", async () => {
  const [a, c] = [await listen(ann), await listen(cal)];
  const changes = { display_name: "Bob B.", status: "at sea", bio: "two\nlines" };
  assert.equal((await bob.ask("PATCH", "/me", { ...changes, email: "bob@example.org" })).status, 200);
  for (const client of [a, c]) {
    const event = await client.waitFor("the change", (one) => one.event === "user.updated");
    const user = event.data["user"] as Json;
    assert.deepEqual([user["id"], user["display_name"], user["status"], user["bio"]], [ids.bob, "Bob B.", "at sea", "two\nlines"]);
    assert.equal(JSON.stringify(event).includes("bob@example.org"), false);
  }
  await bob.ask("PATCH", "/me", { email: "other@example.org" });
  await bob.ask("PATCH", "/me", { status: "at sea" });
  await settle(general, a, c);
  assert.equal(kinds(a, "user.updated").length, 1);
  const sent = (await bob.send(general, "as Bob B.")).body["message"] as MessageJson;
  assert.equal((sent["author"] as Json)["display_name"], "Bob B.");
  await bob.ask("PATCH", "/me", { status: null, bio: null });
  const cleared = await a.waitFor("the second change", (one) => one.event === "user.updated" && !("status" in (one.data["user"] as Json)));
  assert.equal("bio" in (cleared.data["user"] as Json), false);
  assert.equal((await cal.ask("PATCH", "/me", { email: "OTHER@example.org" })).body["code"], "email_taken");
  closeAll();
});

test("a new person is shown to everybody", async () => {
  const a = await listen(ann);
  const dee = await server.person("dee");
  const event = await a.waitFor("dee", (one) => one.event === "user.updated");
  assert.equal((event.data["user"] as Json)["name"], "dee");
  const joined = await a.waitFor("dee in general", (one) => one.event === "member.joined" && one.room === general);
  assert.equal((joined.data["user"] as Json)["id"], await dee.id());
  closeAll();
});

/* ---- rooms ---- */

test("a room renamed, given a topic, archived and brought back is so at once for its members", async () => {
  const room = await roomOf("old name", bob);
  const [b, c] = [await listen(bob), await listen(cal)];
  const steps: [string, string, Json][] = [
    ["PATCH", `/rooms/${room}`, { name: "new name" }],
    ["PATCH", `/rooms/${room}`, { topic: "a topic" }],
    ["POST", `/rooms/${room}/archive`, {}],
    ["POST", `/rooms/${room}/archive`, { archived: false }],
  ];
  for (const [index, [method, path, body]] of steps.entries()) {
    const now = (await ann.ask(method, path, body)).body["room"] as RoomJson;
    const event = await until("the event", () => kinds(b, "room.updated")[index]);
    assert.deepEqual([event.room, event.seq], [room, now.seq]);
    assert.deepEqual(event.data["room"], now);
  }
  await settle(general, c);
  assert.deepEqual(kinds(c, "room.updated"), []);
  closeAll();
});

test("a public room is shown to everybody when it is made, a private one to nobody", async () => {
  const [c, g] = [await listen(cal), await listen(guy)];
  await ann.makeRoom("hidden", true);
  const room = await ann.makeRoom("shown");
  const event = await c.waitFor("the room", (one) => one.event === "room.created");
  assert.deepEqual([(event.data["room"] as Json)["id"], (event.data["room"] as Json)["name"]], [room, "shown"]);
  await settle(await roomOf("guest's", guy), g);
  assert.deepEqual(kinds(g, "room.created"), []);
  assert.equal(kinds(c, "room.created").length, 1);
  closeAll();
});

test("who is added, joins, leaves or is removed sees it, and so do the members", async () => {
  const room = await roomOf("coming and going");
  const [a, b] = [await listen(ann), await listen(bob)];
  await ann.ask("POST", `/rooms/${room}/members`, { user: ids.bob });
  const joined = await b.waitFor("room.joined", (one) => one.event === "room.joined");
  assert.deepEqual([(joined.data["room"] as RoomJson).id, (joined.data["room"] as RoomJson)["joined"]], [room, true]);
  await a.waitFor("member.joined", (one) => one.event === "member.joined" && one.room === room);
  await ann.ask("DELETE", `/rooms/${room}/members/${ids.bob}`);
  const left = await b.waitFor("room.left", (one) => one.event === "room.left");
  assert.equal(left.data["room"], room);
  const event = await a.waitFor("member.left", (one) => one.event === "member.left" && one.room === room);
  assert.equal((event.data["user"] as Json)["id"], ids.bob);
  closeAll();
});

test("messages appear, change and go live, with the message as the answer had it", async () => {
  const room = await roomOf("messages", bob);
  const b = await listen(bob);
  const sent = (await ann.send(room, "first")).body["message"] as MessageJson;
  const created = await b.waitFor("created", (one) => one.event === "message.created");
  assert.deepEqual([created.room, created.seq, created.data["message"]], [room, sent.seq, sent]);
  const path = `/rooms/${room}/messages/${sent.id}`;
  const edited = (await ann.ask("PATCH", path, { text: "second" })).body["message"];
  assert.deepEqual((await b.waitFor("edited", (one) => one.event === "message.edited")).data["message"], edited);
  const deleted = (await ann.ask("DELETE", path)).body["message"];
  assert.deepEqual((await b.waitFor("deleted", (one) => one.event === "message.deleted")).data["message"], deleted);
  const seqs = b.events.filter((one) => one.room === room).map((one) => one.seq ?? 0);
  assert.deepEqual(seqs, [sent.seq, sent.seq + 1, sent.seq + 2]);
  closeAll();
});

/* ---- sessions ---- */

test("a password that the operator sets ends all sessions within a second", async () => {
  const [live, idle] = [await listen(cal), await cal.connect()];
  const set = Date.now();
  assert.equal((await cliIn(server.folder, ["user", "passwd", "cal", "--password-stdin"], "battery staple\n")).code, 0);
  await Promise.all([live, idle].map((one) => until("the close", () => one.closed, outLimit_ms)));
  assert.ok(Date.now() - set < outLimit_ms * 2);
  assert.equal(live.closed?.code, 4500);
  assert.equal((await cal.ask("GET", "/me")).status, 401);
  cal = new Person(server, "cal", await server.token("cal"));
});

test("a session ended while its client was away cannot be resumed", async () => {
  const b = await listen(bob);
  b.close();
  await server.cli("user", "disable", "bob");
  await assert.rejects(bob.listen(b.cursor), /status 401/);
  await server.cli("user", "disable", "bob", "--enable");
  bob = new Person(server, "bob", await server.token("bob"));
  closeAll();
});

test("a quiet session gets a heartbeat with a fresh cursor", async () => {
  const quiet = await Server.start(["--realtime.heartbeat_ms=300"]);
  try {
    const eve = await quiet.person("eve", "owner");
    const client = await eve.listen();
    const beat = await client.waitFor("a heartbeat", (one) => one.event === "heartbeat");
    assert.deepEqual(Object.keys(beat).sort(), ["cursor", "data", "event"]);
    client.close();
    const resumed = await eve.listen(beat.cursor);
    assert.deepEqual([resumed.started["resumed"], resumed.started["missed"]], [true, 0]);
    resumed.close();
  } finally {
    await quiet.end();
  }
});
