/* Rooms: who may do what in them, and what of them is to be seen. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ask, Server, type Answer, type Json, type MessageJson, type Person, type RoomJson } from "./harness.ts";

let server: Server;
/* In both rooms of every case but for the outsider, who is a member of the workspace alone; the maker is one too. */
const people = {} as Record<"owner" | "admin" | "maker" | "member" | "guest" | "outsider" | "farAdmin", Person>;
const ids = {} as Record<keyof typeof people, string>;
type Who = keyof typeof people;
const inside: Who[] = ["owner", "admin", "member", "guest"];
const everybody: Who[] = ["owner", "admin", "maker", "member", "guest", "outsider", "farAdmin"];
const nowhere = "01900000-0000-7000-8000-000000000000";

before(async () => {
  server = await Server.start();
  for (const who of everybody) {
    const role = who === "maker" || who === "outsider" ? "member" : who === "farAdmin" ? "admin" : who;
    people[who] = await server.person(who, role);
    ids[who] = await people[who].id();
  }
});
after(() => server.end());

let made = 0;

/** A room by `maker` with everybody in it but the outsiders. */
async function fullRoom(isPrivate: boolean): Promise<string> {
  made += 1;
  const room = await people.maker.makeRoom(`room ${String(made)}`, isPrivate);
  for (const who of inside) assert.equal((await people.maker.ask("POST", `/rooms/${room}/members`, { user: ids[who] })).status, 201);
  return room;
}

/** One status a person, in the order of `everybody`; `act` is given a room of its own each time. */
async function statuses(isPrivate: boolean, act: (who: Person, room: string, name: Who) => Promise<Answer>): Promise<Record<Who, number>> {
  const found = {} as Record<Who, number>;
  for (const who of everybody) found[who] = (await act(people[who], await fullRoom(isPrivate), who)).status;
  return found;
}

/** What both kinds of room answer: the same to those inside; `far` in public and 404 in private rooms to the others. */
async function matrix(
  insiders: Record<"owner" | "admin" | "maker" | "member" | "guest", number>,
  far: Record<"outsider" | "farAdmin", number>,
  act: (who: Person, room: string, name: Who) => Promise<Answer>,
): Promise<void> {
  assert.deepEqual(await statuses(false, act), { ...insiders, ...far }, "public");
  assert.deepEqual(await statuses(true, act), { ...insiders, outsider: 404, farAdmin: 404 }, "private");
}

/** Everything of a list, by pages. */
async function pages(who: Person, path: string, member: string, query = "limit=100"): Promise<Json[]> {
  const found: Json[] = [];
  let after = "";
  for (;;) {
    const { body } = await who.ask("GET", `${path}?${query}${after && `&after=${after}`}`);
    found.push(...(body[member] as Json[]));
    if (body["next_cursor"] === null) return found;
    after = body["next_cursor"] as string;
  }
}

async function isListed(who: Person, room: string, query = ""): Promise<boolean> {
  return (await pages(who, "/rooms", "rooms", query)).some((one) => one["id"] === room);
}

const leaders = { owner: 200, admin: 200, maker: 200, member: 403, guest: 403 };
const all = { owner: 200, admin: 200, maker: 200, member: 200, guest: 200 };

/* ---- the matrix ---- */

test("members and above make rooms; the maker is the first member", async () => {
  for (const who of everybody) {
    const { status, body } = await people[who].ask("POST", "/rooms", { name: `of ${who}`, topic: "x" });
    assert.equal(status, who === "guest" ? 403 : 201, who);
    if (who === "guest") continue;
    const room = body["room"] as RoomJson;
    assert.deepEqual([room["maker"], room["joined"], room["members"], room["private"], room["archived"], room["topic"]], [ids[who], true, 1, false, false, "x"]);
  }
});

test("who may see a room", () => matrix(all, { outsider: 200, farAdmin: 200 }, (who, room) => who.ask("GET", `/rooms/${room}`)));

test("who may list its members", () => matrix(all, { outsider: 200, farAdmin: 200 }, (who, room) => who.ask("GET", `/rooms/${room}/members`)));

test("who may rename it", () => matrix(leaders, { outsider: 403, farAdmin: 200 }, (who, room) => who.ask("PATCH", `/rooms/${room}`, { name: "renamed" })));

test("who may archive it and bring it back", async () => {
  await matrix(leaders, { outsider: 403, farAdmin: 200 }, (who, room) => who.ask("POST", `/rooms/${room}/archive`));
  await matrix(leaders, { outsider: 403, farAdmin: 200 }, (who, room) => who.ask("POST", `/rooms/${room}/archive`, { archived: false }));
});

test("who may join it: guests nowhere by themselves", async () => {
  await matrix({ ...all, guest: 403 }, { outsider: 200, farAdmin: 200 }, (who, room) => who.ask("POST", `/rooms/${room}/join`));
});

test("who may leave it", () => matrix(all, { outsider: 403, farAdmin: 403 }, (who, room) => who.ask("POST", `/rooms/${room}/leave`)));

test("who may add people", async () => {
  const lena = await (await server.person("lena")).id();
  const adding = { owner: 201, admin: 201, maker: 201, member: 403, guest: 403 };
  await matrix(adding, { outsider: 403, farAdmin: 201 }, (who, room) => who.ask("POST", `/rooms/${room}/members`, { user: lena }));
});

test("who may remove people, and never above the own rank", async () => {
  const remove = (target: Who) => (who: Person, room: string) => who.ask("DELETE", `/rooms/${room}/members/${ids[target]}`);
  await matrix(leaders, { outsider: 403, farAdmin: 200 }, remove("member"));
  await matrix(leaders, { outsider: 403, farAdmin: 200 }, remove("guest"));
  await matrix({ ...leaders, maker: 403 }, { outsider: 403, farAdmin: 200 }, remove("admin"));
  await matrix({ ...leaders, maker: 403, admin: 403 }, { outsider: 403, farAdmin: 403 }, remove("owner"));
});

test("who may write, read, mark and type", async () => {
  const nonce = (): string => crypto.randomUUID();
  await matrix(
    { owner: 201, admin: 201, maker: 201, member: 201, guest: 201 },
    { outsider: 403, farAdmin: 403 },
    (who, room) => who.ask("POST", `/rooms/${room}/messages`, { nonce: nonce(), text: "hello" }),
  );
  await matrix(all, { outsider: 200, farAdmin: 200 }, (who, room) => who.ask("GET", `/rooms/${room}/messages`));
  await matrix(all, { outsider: 403, farAdmin: 403 }, (who, room) => who.ask("PUT", `/rooms/${room}/read`, { seq: 1 }));
  await matrix(all, { outsider: 403, farAdmin: 403 }, (who, room) => who.ask("POST", `/rooms/${room}/typing`));
});

test("who may change and delete somebody else's message", async () => {
  const others = async (room: string, name: Who): Promise<string> => {
    const author = name === "member" ? people.guest : people.member;
    return `/rooms/${room}/messages/${((await author.send(room, "mine")).body["message"] as MessageJson).id}`;
  };
  const none = { owner: 403, admin: 403, maker: 403, member: 403, guest: 403 };
  await matrix(none, { outsider: 403, farAdmin: 403 }, async (who, room, name) => who.ask("PATCH", await others(room, name), { text: "not mine" }));
  await matrix(leaders, { outsider: 403, farAdmin: 403 }, async (who, room, name) => who.ask("DELETE", await others(room, name)));
});

test("nobody does anything without signing in", async () => {
  const room = await fullRoom(false);
  for (const [method, path] of [
    ["GET", "/rooms"],
    ["POST", "/rooms"],
    ["GET", `/rooms/${room}`],
    ["PATCH", `/rooms/${room}`],
    ["POST", `/rooms/${room}/join`],
    ["GET", `/rooms/${room}/members`],
    ["GET", `/rooms/${room}/messages`],
    ["DELETE", `/rooms/${room}/members/${ids.member}`],
  ] as const) {
    const body = method === "GET" || method === "DELETE" ? {} : { body: { name: "x" } };
    const answer = await ask(server, method, path, body);
    assert.equal(answer.status, 401, `${method} ${path}`);
    assert.equal(answer.headers.get("www-authenticate"), "Bearer");
  }
});

/* ---- private rooms are not there ---- */

test("to outsiders a private room is like one that does not exist, to the byte", async () => {
  const room = await fullRoom(true);
  const message = ((await people.member.send(room, "secret")).body["message"] as MessageJson).id;
  const operations = (id: string): [string, string, Json?][] => [
    ["GET", `/rooms/${id}`],
    ["PATCH", `/rooms/${id}`, { name: "x" }],
    ["POST", `/rooms/${id}/archive`, {}],
    ["POST", `/rooms/${id}/join`, {}],
    ["POST", `/rooms/${id}/leave`, {}],
    ["GET", `/rooms/${id}/members`],
    ["POST", `/rooms/${id}/members`, { user: ids.outsider }],
    ["DELETE", `/rooms/${id}/members/${ids.member}`],
    ["GET", `/rooms/${id}/messages`],
    ["POST", `/rooms/${id}/messages`, { nonce: crypto.randomUUID(), text: "x" }],
    ["PATCH", `/rooms/${id}/messages/${message}`, { text: "x" }],
    ["DELETE", `/rooms/${id}/messages/${message}`],
    ["PUT", `/rooms/${id}/read`, { seq: 1 }],
    ["POST", `/rooms/${id}/typing`, {}],
  ];
  const missing = operations(nowhere);
  for (const who of [people.outsider, people.farAdmin]) {
    for (const [index, [method, path, body]] of operations(room).entries()) {
      const there = await who.ask(method, path, body);
      const [, missingPath, missingBody] = missing[index] as [string, string, Json?];
      const notThere = await who.ask(method, missingPath, missingBody);
      assert.equal(there.status, 404, `${method} ${path}`);
      assert.deepEqual(there.body, notThere.body);
    }
    const [behind, behindNothing] = [await who.ask("GET", `/rooms?after=${room}`), await who.ask("GET", `/rooms?after=${nowhere}`)];
    assert.equal(behind.status, 400);
    assert.deepEqual(behind.body, behindNothing.body, "a cursor tells nothing either");
    const invited = await who.ask("POST", "/invites", { room });
    assert.equal(invited.status, who === people.farAdmin ? 404 : 403);
    assert.equal(await isListed(who, room), false);
  }
});

test("a message is found in its own room alone", async () => {
  const [one, two] = [await fullRoom(false), await fullRoom(true)];
  const message = ((await people.member.send(two, "secret")).body["message"] as MessageJson).id;
  for (const method of ["PATCH", "DELETE"]) assert.equal((await people.member.ask(method, `/rooms/${one}/messages/${message}`, { text: "x" })).status, 404);
});

/* ---- history ---- */

test("history is whole for newcomers in public rooms, from their joining on in private ones", async () => {
  for (const isPrivate of [false, true]) {
    const room = await people.maker.makeRoom(isPrivate ? "closed" : "open", isPrivate);
    const old = ((await people.maker.send(room, "before")).body["message"] as MessageJson).id;
    await people.maker.ask("POST", `/rooms/${room}/members`, { user: ids.outsider });
    await people.maker.send(room, "after");
    const texts = (await people.outsider.history(room)).map((one) => one.text);
    assert.deepEqual(texts, isPrivate ? ["after"] : ["before", "after"]);
    for (const cursor of ["around=1", "after=0", "before=100"]) {
      const { body } = await people.outsider.ask("GET", `/rooms/${room}/messages?${cursor}`);
      assert.equal(JSON.stringify(body).includes("before"), !isPrivate, cursor);
    }
    await people.maker.ask("POST", `/rooms/${room}/members`, { user: ids.farAdmin });
    assert.equal((await people.farAdmin.ask("DELETE", `/rooms/${room}/messages/${old}`)).status, isPrivate ? 404 : 200);
  }
});

/* ---- what rooms do ---- */

test("joining twice and adding twice change nothing", async () => {
  const room = await people.maker.makeRoom("twice");
  const first = await people.outsider.ask("POST", `/rooms/${room}/join`);
  const second = await people.outsider.ask("POST", `/rooms/${room}/join`);
  assert.deepEqual(second.body, first.body);
  assert.equal((first.body["room"] as RoomJson)["members"], 2);
  assert.equal((await people.maker.ask("POST", `/rooms/${room}/members`, { user: ids.member })).status, 201);
  assert.equal((await people.maker.ask("POST", `/rooms/${room}/members`, { user: ids.member })).status, 200);
  assert.equal((await people.maker.ask("DELETE", `/rooms/${room}/members/${ids.member}`)).status, 200);
  assert.equal((await people.maker.ask("DELETE", `/rooms/${room}/members/${ids.member}`)).status, 404);
  assert.equal((await people.maker.ask("POST", `/rooms/${room}/members`, { user: nowhere })).status, 404);
});

test("a disabled person cannot be added", async () => {
  const dora = await server.person("dora");
  const id = await dora.id();
  await server.cli("user", "disable", "dora");
  const room = await people.maker.makeRoom("without dora");
  assert.equal((await people.maker.ask("POST", `/rooms/${room}/members`, { user: id })).status, 404);
});

test("nothing new is written in an archived room; it is read, left, and brought back", async () => {
  const room = await fullRoom(false);
  const kept = ((await people.member.send(room, "kept", "kept-nonce")).body["message"] as MessageJson).id;
  assert.equal((await people.maker.ask("POST", `/rooms/${room}/archive`)).status, 200);
  for (const [method, path, body] of [
    ["POST", "/messages", { nonce: "n", text: "x" }],
    ["PATCH", `/messages/${kept}`, { text: "x" }],
    ["POST", "/typing", {}],
    ["PATCH", "", { name: "x" }],
    ["POST", "/members", { user: ids.outsider }],
  ] as const) {
    const refused = await people.maker.ask(method, `/rooms/${room}${path}`, body);
    assert.deepEqual([refused.status, refused.body["code"]], [409, "room_archived"], path);
  }
  assert.equal((await people.outsider.ask("POST", `/rooms/${room}/join`)).body["code"], "room_archived");
  assert.equal((await people.member.send(room, "kept", "kept-nonce")).body["duplicate"], true);
  assert.deepEqual((await people.member.history(room)).map((one) => one.text), ["kept"]);
  assert.equal((await people.guest.ask("POST", `/rooms/${room}/leave`)).status, 200);
  const listed = (archived: boolean): Promise<boolean> => isListed(people.member, room, `archived=${String(archived)}`);
  assert.deepEqual([await listed(false), await listed(true)], [false, true]);
  assert.equal((await people.maker.ask("POST", `/rooms/${room}/archive`, { archived: false })).status, 200);
  assert.equal((await people.member.send(room, "again")).status, 201);
  assert.deepEqual([await listed(false), await listed(true)], [true, false]);
});

test("a name is what is left of it without spaces at its ends, and something is left", async () => {
  assert.equal(((await people.maker.ask("POST", "/rooms", { name: "  spaced  " })).body["room"] as RoomJson)["name"], "spaced");
  for (const name of ["", "   ", "\u00a0\u2003", "two\nlines", "a".repeat(81), 7, null]) {
    const { status, body } = await people.maker.ask("POST", "/rooms", { name });
    assert.deepEqual([status, body["field"]], [400, "name"], JSON.stringify(name));
  }
  assert.equal((await people.maker.ask("POST", "/rooms", { name: "ü".repeat(80) })).status, 201);
  const room = await people.maker.makeRoom("topical");
  assert.equal((await people.maker.ask("PATCH", `/rooms/${room}`, { topic: "t".repeat(251) })).body["field"], "topic");
  assert.equal(((await people.maker.ask("PATCH", `/rooms/${room}`, { topic: "about" })).body["room"] as RoomJson)["topic"], "about");
  const cleared = (await people.maker.ask("PATCH", `/rooms/${room}`, { topic: null })).body["room"] as RoomJson;
  assert.equal("topic" in cleared, false);
  assert.equal(cleared["name"], "topical");
});

test("a retry of room.create with the same nonce answers the first room", async () => {
  const first = await people.maker.ask("POST", "/rooms", { name: "once", nonce: "room-1" });
  const again = await people.maker.ask("POST", "/rooms", { name: "once", nonce: "room-1" });
  assert.deepEqual([first.status, again.status], [201, 200]);
  assert.equal((again.body["room"] as RoomJson).id, (first.body["room"] as RoomJson).id);
  const header = await ask(server, "POST", "/rooms", { token: people.maker.token, headers: { "idempotency-key": "room-1" }, body: { name: "once" } });
  assert.equal((header.body["room"] as RoomJson).id, (first.body["room"] as RoomJson).id);
  assert.equal((await people.maker.ask("POST", "/rooms", { name: "other", nonce: "room-1" })).body["code"], "nonce_reused");
  assert.equal((await people.member.ask("POST", "/rooms", { name: "other", nonce: "room-1" })).status, 201);
});

test("rooms, members and people come by pages, by name, each once", async () => {
  const room = await people.maker.makeRoom("paged");
  for (const who of inside) await people.maker.ask("POST", `/rooms/${room}/members`, { user: ids[who] });
  const names = async (path: string, member: string): Promise<string[]> => (await pages(people.outsider, path, member, "limit=2")).map((one) => one["name"] as string);
  assert.deepEqual(await names(`/rooms/${room}/members`, "members"), ["admin", "guest", "maker", "member", "owner"]);
  const users = await names("/users", "users");
  assert.deepEqual(users, [...users].sort((a, b) => (a.toLowerCase() < b.toLowerCase() ? -1 : 1)));
  assert.equal(new Set(users).size, users.length);
  const [bySmall, byLarge] = [await pages(people.outsider, "/rooms", "rooms", "limit=7"), await pages(people.outsider, "/rooms", "rooms")];
  assert.deepEqual(bySmall, byLarge);
  assert.equal(new Set(byLarge.map((one) => one["id"])).size, byLarge.length);
  assert.equal(((await people.outsider.ask("GET", "/rooms?limit=7")).body["rooms"] as Json[]).length, 7);
  for (const path of ["/rooms", "/users", `/rooms/${room}/members`]) {
    for (const limit of ["0", "101", "x"]) assert.equal((await people.outsider.ask("GET", `${path}?limit=${limit}`)).body["field"], "limit");
    for (const after of ["x", nowhere]) assert.equal((await people.outsider.ask("GET", `${path}?after=${after}`)).body["code"], "invalid_cursor");
  }
});

test("guests see their rooms and the people in them alone", async () => {
  const room = await fullRoom(true);
  const rooms = await pages(people.guest, "/rooms", "rooms");
  assert.ok(rooms.every((one) => one["joined"] === true));
  assert.ok(rooms.some((one) => one["id"] === room));
  for (const path of ["/users", "/presence", "/invites"]) assert.equal((await people.guest.ask("GET", path)).status, 403);
  assert.equal((await people.guest.ask("GET", `/users/${ids.member}`)).status, 200);
  const stranger = await server.person("stranger");
  assert.equal((await people.guest.ask("GET", `/users/${await stranger.id()}`)).status, 404);
  assert.equal((await people.outsider.ask("GET", `/users/${ids.guest}`)).status, 200);
});

test("the store holds true after all this", async () => {
  assert.equal(await server.doctor(), "");
});
