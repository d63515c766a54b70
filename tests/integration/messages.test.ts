/* Messages: their shapes, retries, pages, changes, read markers. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ask, Server, type Answer, type Client, type Json, type MessageJson, type Person, type RoomJson } from "./harness.ts";

let server: Server;
let ann: Person;
let bob: Person;
let general: string;

before(async () => {
  server = await Server.start();
  ann = await server.person("ann", "owner");
  bob = await server.person("bob");
  general = await ann.room("general");
});
after(() => server.end());

let made = 0;

/** A public room with both in it. */
async function freshRoom(): Promise<string> {
  made += 1;
  const room = await ann.makeRoom(`room ${String(made)}`);
  await bob.ask("POST", `/rooms/${room}/join`);
  return room;
}

async function say(who: Person, room: string, text: string): Promise<MessageJson> {
  const { status, body } = await who.send(room, text);
  assert.equal(status, 201, JSON.stringify(body));
  return body["message"] as MessageJson;
}

async function roomOf(who: Person, room: string): Promise<RoomJson> {
  return (await who.ask("GET", `/rooms/${room}`)).body["room"] as RoomJson;
}

const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/* ---- send ---- */

test("a message sent is answered 201 with the message, as the issue says", async () => {
  const room = await freshRoom();
  const { status, body, headers } = await bob.send(room, "hi\nthere 🐎", "nonce-1");
  assert.equal(status, 201);
  assert.match(headers.get("content-type") ?? "", /^application\/json/);
  assert.deepEqual(Object.keys(body).sort(), ["duplicate", "message"]);
  assert.equal(body["duplicate"], false);
  const message = body["message"] as MessageJson;
  assert.deepEqual(Object.keys(message).sort(), ["author", "created_at", "id", "nonce", "room", "seq", "text"]);
  assert.deepEqual(message["author"], { id: await bob.id(), name: "bob", display_name: "bob" });
  assert.deepEqual([message["room"], message.text, message["nonce"]], [room, "hi\nthere 🐎", "nonce-1"]);
  assert.match(message.id, uuid);
  assert.match(message["created_at"] as string, time);
  assert.ok(Number.isInteger(message.seq) && message.seq > 0);
});

test("a retry with the same nonce answers the first message and stores no second", async () => {
  const room = await freshRoom();
  const first = await bob.send(room, "once", "retry");
  const again = await bob.send(room, "once", "retry");
  assert.deepEqual([first.status, again.status], [201, 200]);
  assert.equal(again.body["duplicate"], true);
  assert.deepEqual(again.body["message"], first.body["message"]);
  assert.equal((await bob.history(room)).length, 1);
  const other = await bob.send(room, "something else", "retry");
  assert.deepEqual([other.status, other.body["code"]], [409, "nonce_reused"]);
  assert.equal((await bob.send(general, "once", "retry")).status, 409);
  assert.equal((await ann.send(room, "once", "retry")).body["duplicate"], false);
});

test("retries at once, by every way, store one message and agree on it", async () => {
  const room = await freshRoom();
  const clients = await Promise.all([1, 2, 3].map(() => bob.connect()));
  const answers = await Promise.all([
    ...clients.map(async (client) => (await client.send(room, "storm", "storm"))["result"] as Json),
    ...[1, 2, 3].map(async () => (await bob.send(room, "storm", "storm")).body),
  ]);
  assert.equal(answers.filter((one) => one["duplicate"] === false).length, 1);
  assert.equal(new Set(answers.map((one) => (one["message"] as MessageJson).id)).size, 1);
  assert.equal((await bob.history(room)).length, 1);
  for (const client of clients) client.close();
});

test("a retry is answered over a restart, and after the message was changed, with how it is now", async () => {
  const room = await freshRoom();
  const first = (await bob.send(room, "as sent", "later")).body["message"] as MessageJson;
  await bob.ask("PATCH", `/rooms/${room}/messages/${first.id}`, { text: "as edited" });
  await server.kill();
  await server.run();
  const again = await bob.send(room, "as sent", "later");
  assert.deepEqual([again.status, again.body["duplicate"], (again.body["message"] as MessageJson).text], [200, true, "as edited"]);
  await bob.ask("DELETE", `/rooms/${room}/messages/${first.id}`);
  const gone = (await bob.send(room, "as sent", "later")).body["message"] as MessageJson;
  assert.deepEqual([gone.id, gone.text], [first.id, ""]);
});

test("Idempotency-Key stands for the nonce, and may not contradict it", async () => {
  const room = await freshRoom();
  const post = (body: Json, key: string): Promise<Answer> => ask(server, "POST", `/rooms/${room}/messages`, { token: bob.token, body, headers: { "idempotency-key": key } });
  const first = await post({ text: "by header" }, "key-1");
  assert.equal((first.body["message"] as MessageJson)["nonce"], "key-1");
  assert.equal((await bob.send(room, "by header", "key-1")).body["duplicate"], true);
  assert.equal((await post({ text: "by header", nonce: "key-1" }, "key-1")).body["duplicate"], true);
  assert.deepEqual([(await post({ text: "x", nonce: "key-2" }, "key-3")).body["code"]], ["nonce_conflict"]);
});

test("text and nonce have their limits, and nothing refused is stored", async () => {
  const room = await freshRoom();
  const refusal = async (body: unknown): Promise<unknown[]> => {
    const answer = await ask(server, "POST", `/rooms/${room}/messages`, { token: bob.token, body });
    return [answer.status, answer.body["code"], answer.body["field"]];
  };
  assert.deepEqual(await refusal({ nonce: "n" }), [400, "missing_field", "text"]);
  assert.deepEqual(await refusal({ nonce: "n", text: null }), [400, "missing_field", "text"]);
  assert.deepEqual(await refusal({ text: "x" }), [400, "missing_field", "nonce"]);
  for (const text of ["", " \n\t ", "a".repeat(4001), "🐎".repeat(4001), 7, ["x"], "a\u0007b"])
    assert.deepEqual(await refusal({ nonce: "n", text }), [400, "invalid_field", "text"], JSON.stringify(text).slice(0, 40));
  for (const nonce of ["", "n".repeat(65), "ünicode", "new\nline", 7])
    assert.deepEqual(await refusal({ nonce, text: "x" }), [400, "invalid_field", "nonce"], JSON.stringify(nonce));
  assert.deepEqual(await refusal("[]"), [400, "invalid_request", undefined]);
  for (const text of ["{", '{"nonce":"n","text":"a\\u0000b"}', '{"nonce":"n","text":"\\ud800"}'])
    assert.deepEqual((await refusal(text)).slice(0, 2), [400, "invalid_json"], text);
  assert.deepEqual((await refusal('{"nonce":"n","nonce":"m","text":"x"}')).slice(0, 2), [400, "invalid_json"]);
  assert.deepEqual((await refusal(`{"nonce":"n","text":"${"a".repeat(300_000)}"}`)).slice(0, 2), [413, "too_large"]);
  assert.equal((await bob.history(room)).length, 0);
  assert.equal((await bob.send(room, "🐎".repeat(4000), "n".repeat(64))).status, 201);
  assert.equal((await bob.send(room, "with unknown members", "plain")).status, 201);
});

/* ---- list ---- */

test("pages are oldest first, and next_cursor leads to the page before, until there is none", async () => {
  const room = await freshRoom();
  const sent: string[] = [];
  for (let index = 0; index < 23; index += 1) sent.push((await say(index % 2 ? ann : bob, room, `m${String(index)}`)).text);
  const list = async (query: string): Promise<Json> => (await bob.ask("GET", `/rooms/${room}/messages?${query}`)).body;
  let found: string[] = [];
  let cursor: unknown = "";
  const sizes: number[] = [];
  while (cursor !== null) {
    const body = await list(`limit=5${cursor === "" ? "" : `&before=${cursor as string}`}`);
    const page = body["messages"] as MessageJson[];
    assert.deepEqual(page.map((one) => one.seq), page.map((one) => one.seq).sort((a, b) => a - b));
    found = [...page.map((one) => one.text), ...found];
    sizes.push(page.length);
    cursor = body["next_cursor"];
  }
  assert.deepEqual(found, sent);
  assert.deepEqual(sizes, [5, 5, 5, 5, 3]);
  assert.equal((await list(""))["next_cursor"], null);
  assert.equal((await list("limit=23"))["next_cursor"], null);
  assert.equal(((await list("limit=100"))["messages"] as Json[]).length, 23);
});

test("a page holds 50 unless told, and a page after or round a message is found", async () => {
  const room = await freshRoom();
  const messages: MessageJson[] = [];
  for (let index = 0; index < 60; index += 1) messages.push(await say(bob, room, `m${String(index)}`));
  const texts = async (query: string): Promise<string[]> =>
    ((await bob.ask("GET", `/rooms/${room}/messages?${query}`)).body["messages"] as MessageJson[]).map((one) => one.text);
  const names = (from: number, to: number): string[] => messages.slice(from, to).map((one) => one.text);
  assert.deepEqual(await texts(""), names(10, 60));
  const at = messages[30] as MessageJson;
  assert.deepEqual(await texts(`after=${String(at.seq)}&limit=4`), names(31, 35));
  assert.deepEqual(await texts(`before=${String(at.seq)}&limit=4`), names(26, 30));
  assert.deepEqual(await texts(`around=${String(at.seq)}&limit=5`), names(28, 33));
  assert.deepEqual(await texts("after=999999"), []);
  for (const query of ["before=x", "before=-1", "after=1.5", "around=99999999999999999999"])
    assert.equal((await bob.ask("GET", `/rooms/${room}/messages?${query}`)).body["code"], "invalid_cursor", query);
  for (const query of ["limit=0", "limit=101", "limit=ten", "before=1&after=1"])
    assert.equal((await bob.ask("GET", `/rooms/${room}/messages?${query}`)).status, 400, query);
});

test("the list holds people's messages only: joining, leaving and renaming are no rows", async () => {
  const room = await freshRoom();
  await say(bob, room, "one");
  await ann.ask("PATCH", `/rooms/${room}`, { name: `renamed ${String(made)}`, topic: "new" });
  await bob.ask("POST", `/rooms/${room}/leave`);
  await bob.ask("POST", `/rooms/${room}/join`);
  await say(bob, room, "two");
  assert.deepEqual((await bob.history(room)).map((one) => one.text), ["one", "two"]);
});

/* ---- edit, delete ---- */

test("an author edits a message; it stays where it was, and says so", async () => {
  const room = await freshRoom();
  const message = await say(bob, room, "tpyo");
  const path = `/rooms/${room}/messages/${message.id}`;
  const edited = await bob.ask("PATCH", path, { text: "typo" });
  assert.equal(edited.status, 200);
  const now = edited.body["message"] as MessageJson;
  assert.match(now["edited_at"] as string, time);
  assert.deepEqual(now, { ...message, text: "typo", edited_at: now["edited_at"] });
  assert.deepEqual(await bob.history(room), [now]);
  assert.deepEqual((await bob.ask("PATCH", path, { text: "typo" })).body["message"], now);
  assert.equal((await ann.ask("PATCH", path, { text: "owner" })).status, 403);
  for (const text of ["", "  ", "a".repeat(4001)]) assert.equal((await bob.ask("PATCH", path, { text })).body["field"], "text");
});

test("a deleted message leaves a tombstone without its text, for good", async () => {
  const room = await freshRoom();
  const message = await say(bob, room, "to be gone");
  const path = `/rooms/${room}/messages/${message.id}`;
  const deleted = await bob.ask("DELETE", path);
  assert.equal(deleted.status, 200);
  const tombstone = deleted.body["message"] as MessageJson;
  assert.match(tombstone["deleted_at"] as string, time);
  assert.deepEqual(tombstone, { ...message, text: "", deleted_at: tombstone["deleted_at"] });
  assert.deepEqual(await bob.history(room), [tombstone]);
  assert.deepEqual((await bob.ask("DELETE", path)).body["message"], tombstone);
  const edit = await bob.ask("PATCH", path, { text: "back" });
  assert.deepEqual([edit.status, edit.body["code"]], [409, "message_is_deleted"]);
});

test("who has left a room can change nothing in it any more, and a deleted own message is gone from the public", async () => {
  const room = await freshRoom();
  const message = await say(bob, room, "bob was here");
  await bob.ask("POST", `/rooms/${room}/leave`);
  const path = `/rooms/${room}/messages/${message.id}`;
  assert.equal((await bob.ask("PATCH", path, { text: "x" })).status, 403);
  assert.equal((await bob.ask("DELETE", path)).status, 200);
  assert.equal((await ann.history(room))[0]?.text, "");
});

test("ids that are none, and messages that are not there, are told apart from nothing", async () => {
  const room = await freshRoom();
  for (const id of ["x", "1", `${general}0`]) {
    const { status, body } = await bob.ask("PATCH", `/rooms/${room}/messages/${id}`, { text: "x" });
    assert.deepEqual([status, body["code"]], [400, "invalid_field"], id);
  }
  assert.equal((await bob.ask("PATCH", `/rooms/${room}/messages/${general}`, { text: "x" })).body["code"], "not_found");
});

/* ---- read markers ---- */

test("unread counts others' live messages after the own marker, which only moves forward", async () => {
  const room = await freshRoom();
  const messages: MessageJson[] = [];
  for (let index = 0; index < 5; index += 1) messages.push(await say(ann, room, `m${String(index)}`));
  await say(bob, room, "mine");
  assert.equal((await roomOf(bob, room)).unread, 5);
  assert.equal((await roomOf(ann, room)).unread, 1);
  const mark = async (seq: number): Promise<unknown> => (await bob.ask("PUT", `/rooms/${room}/read`, { seq })).body["marker"];
  const third = (messages[2] as MessageJson).seq;
  assert.deepEqual(await mark(third), { room, seq: third, unread: 2 });
  assert.deepEqual(await mark(1), { room, seq: third, unread: 2 });
  await ann.ask("DELETE", `/rooms/${room}/messages/${(messages[3] as MessageJson).id}`);
  assert.equal((await roomOf(bob, room)).unread, 1);
  const end = (await roomOf(bob, room)).seq;
  assert.deepEqual(await mark(Number.MAX_SAFE_INTEGER), { room, seq: end, unread: 0 });
  const mine = await roomOf(bob, room);
  assert.deepEqual([mine["read_seq"], mine.unread], [end, 0]);
  await say(ann, room, "new");
  const state = (await bob.ask("GET", "/state")).body["state"] as { rooms: RoomJson[] };
  assert.equal(state.rooms.find((one) => one.id === room)?.unread, 1);
  for (const seq of [-1, 1.5, "1", null]) assert.equal((await bob.ask("PUT", `/rooms/${room}/read`, { seq })).status, 400);
});

test("unread stops counting at 100, and what was there before joining is read", async () => {
  const room = await ann.makeRoom("busy");
  for (let index = 0; index < 3; index += 1) await say(ann, room, "old");
  await bob.ask("POST", `/rooms/${room}/join`);
  assert.equal((await roomOf(bob, room)).unread, 0);
  for (let index = 0; index < 101; index += 1) await say(ann, room, "new");
  assert.equal((await roomOf(bob, room)).unread, 100);
});

/* ---- REST and WebSocket ---- */

test("the same operation answers alike by REST and by WebSocket", async () => {
  const room = await freshRoom();
  const client = await bob.connect();
  const message = await say(bob, room, "alike");
  const foreign = await say(ann, room, "hers");
  const path = `/rooms/${room}/messages`;
  const at = { room, message: message.id };
  const cases: [string, string, Json | undefined, string, Json][] = [
    ["GET", "/me", undefined, "user.me", {}],
    ["GET", "/rooms?limit=3", undefined, "room.list", { limit: 3 }],
    ["GET", "/rooms?limit=0", undefined, "room.list", { limit: 0 }],
    ["GET", `/rooms/${room}`, undefined, "room.get", { room }],
    ["GET", `/rooms/${room}/members`, undefined, "room.members", { room }],
    ["GET", "/users?limit=1", undefined, "user.list", { limit: 1 }],
    ["GET", `${path}?limit=1`, undefined, "message.list", { room, limit: 1 }],
    ["GET", `${path}?before=x`, undefined, "message.list", { room, before: "x" }],
    ["POST", path, { nonce: message["nonce"], text: "alike" }, "message.send", { room, nonce: message["nonce"], text: "alike" }],
    ["POST", path, { nonce: message["nonce"], text: "else" }, "message.send", { room, nonce: message["nonce"], text: "else" }],
    ["POST", path, { nonce: "x", text: "" }, "message.send", { room, nonce: "x", text: "" }],
    ["POST", path, { text: "x" }, "message.send", { room, text: "x" }],
    ["PATCH", `${path}/${message.id}`, { text: "alike" }, "message.edit", { ...at, text: "alike" }],
    ["PATCH", `${path}/${foreign.id}`, { text: "x" }, "message.edit", { ...at, message: foreign.id, text: "x" }],
    ["PUT", `/rooms/${room}/read`, { seq: 0 }, "read.update", { room, seq: 0 }],
    ["PATCH", "/me", {}, "user.update", {}],
    ["POST", "/invites", {}, "invite.create", {}],
    ["POST", `/rooms/${room}/members`, { user: "nobody" }, "room.add", { room, user: "nobody" }],
    ["DELETE", `/rooms/${room}/members/${general}`, undefined, "room.remove", { room, user: general }],
    ["POST", "/me/password", { old_password: "wrong", new_password: "long enough" }, "user.password", { old_password: "wrong", new_password: "long enough" }],
    ["POST", `/rooms/${room}/typing`, {}, "typing.start", { room }],
  ];
  for (const [method, address, body, name, params] of cases) {
    const rest = await bob.ask(method, address, body);
    const reply = await client.ask(name, params);
    if (rest.status < 300) {
      assert.deepEqual(reply["result"], rest.body, name);
      continue;
    }
    const { code, message: text, field } = rest.body;
    const error = reply["error"] as Json;
    assert.deepEqual([error["code"], error["message"], error["field"]], [code, text, field], name);
    assert.match(rest.headers.get("content-type") ?? "", /^application\/problem\+json/);
    assert.equal(rest.body["status"], rest.status);
  }
  client.close();
});

test("what is asked of a socket wrongly is answered with its code, and the socket goes on", async () => {
  const client: Client = await bob.connect();
  const raw = (text: string): void => client.socket.send(text);
  const replies: Json[] = [];
  client.socket.on("message", (data: Buffer) => replies.push(JSON.parse(data.toString()) as Json));
  for (const text of ["", "{", "[]", '"x"', "{}", '{"id":901}', '{"id":{},"method":"user.me"}', '{"id":2,"method":"no.such"}', '{"id":3,"method":"user.me","params":[]}', '{"id":"a","method":"session.create"}']) raw(text);
  assert.equal(await client.code("user.me"), "ok");
  assert.deepEqual(
    replies.slice(0, 10).map((one) => (one["error"] as Json | undefined)?.["code"]),
    ["invalid_json", "invalid_json", "invalid_request", "invalid_request", "invalid_request", "invalid_request", "invalid_request", "unknown_operation", "invalid_request", "missing_field"],
  );
  assert.deepEqual(replies.slice(7, 10).map((one) => one["id"]), [2, 3, "a"]);
  client.close();
});

test("the store holds true after all this", async () => {
  assert.equal(await server.doctor(), "");
});
