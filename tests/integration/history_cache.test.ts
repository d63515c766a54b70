/* Pages of history that are answered from memory: whatever changes is in the next page, and nobody gets one who may not. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Server, type Json, type MessageJson, type Person } from "./harness.ts";

let server: Server;
let ann: Person;
let bob: Person;

before(async () => {
  server = await Server.start();
  ann = await server.person("ann", "owner");
  bob = await server.person("bob");
});
after(() => server.end());

/** How many pages were answered from memory since the start. */
async function hits(): Promise<number> {
  const page = await (await fetch(`${server.url}/metrics`, { headers: { authorization: `Bearer ${ann.token}` } })).text();
  return Number(/^parley_history_cache_hits_total (\d+)$/m.exec(page)?.[1]);
}

async function page(who: Person, room: string, query = ""): Promise<Json> {
  const { status, body } = await who.ask("GET", `/rooms/${room}/messages${query}`);
  assert.equal(status, 200, JSON.stringify(body));
  return body;
}

const texts = (body: Json): string[] => (body["messages"] as MessageJson[]).map((one) => one.text);

let made = 0;

/** A room with both in it and three messages of bob's; its newest page is in memory. */
async function warmRoom(isPrivate = false): Promise<{ room: string; messages: MessageJson[] }> {
  made += 1;
  const room = ((await ann.ask("POST", "/rooms", { name: `warm ${String(made)}`, private: isPrivate })).body["room"] as { id: string }).id;
  const joined = isPrivate ? await ann.ask("POST", `/rooms/${room}/members`, { user: await bob.id() }) : await bob.ask("POST", `/rooms/${room}/join`);
  assert.ok(joined.status < 300);
  for (const text of ["one", "two", "three"]) assert.equal((await bob.send(room, text)).status, 201);
  const messages = (await page(bob, room))["messages"] as MessageJson[];
  const start = await hits();
  assert.deepEqual(await page(bob, room), await page(bob, room));
  assert.equal(await hits(), start + 2);
  return { room, messages };
}

test("the same page is answered from memory, alike by every way, and each other page is its own", async () => {
  const { room, messages } = await warmRoom();
  const seq = String(messages[1]?.seq);
  const start = await hits();
  const client = await ann.connect();
  const overSocket = (await client.ask("message.list", { room }))["result"];
  assert.deepEqual(overSocket, await page(ann, room));
  client.close();
  assert.equal(await hits(), start + 2);
  const wanted: [string, string[]][] = [
    ["?limit=1", ["three"]],
    ["?limit=2", ["two", "three"]],
    [`?before=${seq}`, ["one"]],
    [`?after=${seq}`, ["three"]],
    [`?around=${seq}&limit=2`, ["two", "three"]],
    [`?around=${seq}&limit=1`, ["two"]],
  ];
  for (let round = 0; round < 2; round += 1) for (const [query, expected] of wanted) assert.deepEqual(texts(await page(bob, room, query)), expected, query);
  assert.equal(await hits(), start + 2 + wanted.length);
});

test("a new, an edited and a deleted message are in the next page", async () => {
  const { room, messages } = await warmRoom();
  const [first, second] = messages as [MessageJson, MessageJson];
  await bob.ask("PATCH", `/rooms/${room}/messages/${first.id}`, { text: "edited" });
  assert.deepEqual(texts(await page(ann, room)), ["edited", "two", "three"]);
  await ann.ask("DELETE", `/rooms/${room}/messages/${second.id}`);
  assert.deepEqual(texts(await page(bob, room)), ["edited", "", "three"]);
  await ann.send(room, "four");
  assert.deepEqual(texts(await page(bob, room)), ["edited", "", "three", "four"]);
});

test("another name of an author is in the next page of every room", async () => {
  const { room } = await warmRoom();
  await bob.ask("PATCH", "/me", { display_name: "Robert" });
  const author = ((await page(ann, room))["messages"] as { author: Json }[])[0]?.author;
  assert.equal(author?.["display_name"], "Robert");
});

test("whoever was removed, signed out or disabled gets no page, though it is in memory", async () => {
  const { room } = await warmRoom(true);
  assert.equal((await ann.ask("DELETE", `/rooms/${room}/members/${await bob.id()}`)).status, 200);
  await page(ann, room);
  await page(ann, room);
  assert.equal((await bob.ask("GET", `/rooms/${room}/messages`)).status, 404);
  const open = (await warmRoom()).room;
  const eve = await server.person("eve");
  await page(eve, open);
  await server.cli("user", "disable", "eve");
  await page(ann, open);
  assert.equal((await eve.ask("GET", `/rooms/${open}/messages`)).status, 401);
});

test("a newcomer of a private room gets a page of their own, from their joining on", async () => {
  const { room } = await warmRoom(true);
  const dan = await server.person(`dan${String(made)}`);
  await ann.ask("POST", `/rooms/${room}/members`, { user: await dan.id() });
  await ann.send(room, "for all");
  for (let round = 0; round < 2; round += 1) {
    assert.deepEqual(texts(await page(bob, room)), ["one", "two", "three", "for all"]);
    assert.deepEqual(texts(await page(dan, room)), ["for all"]);
  }
});

test("an archived room's page is answered on, and without the cache all is the same", async () => {
  const { room } = await warmRoom();
  await ann.ask("POST", `/rooms/${room}/archive`, {});
  assert.deepEqual(texts(await page(bob, room)), ["one", "two", "three"]);
  const plain = await Server.start(["--store.history_cache_bytes=0"]);
  try {
    const cyd = await plain.person("cyd", "owner");
    const general = await cyd.room("general");
    await cyd.send(general, "hello");
    assert.deepEqual(texts(await page(cyd, general)), ["hello"]);
    assert.deepEqual(texts(await page(cyd, general)), ["hello"]);
  } finally {
    await plain.end();
  }
});
