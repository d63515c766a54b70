/* Server-Sent Events: what any EventSource and curl get from /api/v1/events. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { connect } from "node:net";
import { after, before, test } from "node:test";
import { ask, Server, until, type EventJson, type Json, type Person } from "./harness.ts";
import { exchange } from "./raw.ts";

/* TICKETS_MAX and TICKETS_PER_ACCOUNT_MAX of server/auth/ticket.h. */
const allTickets = 4096;
const ticketsPerPerson = 64;

interface Arrived {
  id?: string;
  event?: string;
  data: EventJson;
}

/** An event stream as the standard reads it (WHATWG HTML 9.2.6), and its raw bytes. */
class Stream {
  events: Arrived[] = [];
  raw = "";
  status = 0;
  headers = new Headers();
  ended = false;
  #abort = new AbortController();

  static async open(server: Server, path = "", headers: Record<string, string> = {}): Promise<Stream> {
    const stream = new Stream();
    const answer = await fetch(`${server.url}/api/v1/events${path}`, { headers, signal: stream.#abort.signal });
    stream.status = answer.status;
    stream.headers = answer.headers;
    if (answer.body) void stream.#read(answer.body).catch(() => undefined);
    return stream;
  }

  static by(person: Person, path = "", headers: Record<string, string> = {}): Promise<Stream> {
    return Stream.open(person.server, path, { authorization: `Bearer ${person.token}`, ...headers });
  }

  async #read(body: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    let rest = "";
    try {
      for await (const bytes of body) {
        const text = decoder.decode(bytes, { stream: true });
        this.raw += text;
        rest += text;
        for (let end = rest.indexOf("\n\n"); end >= 0; end = rest.indexOf("\n\n")) {
          this.#take(rest.slice(0, end));
          rest = rest.slice(end + 2);
        }
      }
    } finally {
      this.ended = true;
    }
  }

  #take(block: string): void {
    const fields = new Map<string, string>();
    for (const line of block.split("\n")) if (!line.startsWith(":")) fields.set(line.slice(0, line.indexOf(":")), line.slice(line.indexOf(": ") + 2));
    const data = fields.get("data");
    if (data === undefined) return;
    const arrived: Arrived = { data: JSON.parse(data) as EventJson };
    if (fields.has("id")) arrived.id = fields.get("id") ?? "";
    if (fields.has("event")) arrived.event = fields.get("event") ?? "";
    this.events.push(arrived);
  }

  get lastId(): string {
    return this.events.findLast((one) => one.id !== undefined)?.id ?? "";
  }

  get started(): Json {
    return this.events[0]?.data.data ?? {};
  }

  texts(): string[] {
    return this.events.filter((one) => one.event === "message.created").map((one) => (one.data.data["message"] as { text: string }).text);
  }

  close(): void {
    this.#abort.abort();
  }
}

let server: Server;
let ann: Person;
let bob: Person;
let general: string;

before(async () => {
  server = await Server.start(["--loops=2", "--realtime.heartbeat_ms=1000"]);
  ann = await server.person("ann", "owner");
  bob = await server.person("bob");
  general = await ann.room("general");
});
after(() => server.end());

const say = (text: string, room = general) => ann.ask("POST", `/rooms/${room}/messages`, { nonce: crypto.randomUUID(), text });
const seen = (stream: Stream, text: string) => until(`"${text}"`, () => stream.texts().includes(text));

test("a stream begins with session.started and the state, and events follow in their envelopes", async () => {
  const stream = await Stream.by(bob);
  assert.equal(stream.status, 200);
  assert.equal(stream.headers.get("content-type"), "text/event-stream");
  assert.match(stream.headers.get("cache-control") ?? "", /no-store/);
  assert.equal(stream.headers.get("x-accel-buffering"), "no");
  assert.equal(stream.headers.get("content-encoding"), null);
  await until("the beginning", () => stream.events[0]);
  assert.equal(stream.events[0]?.event, "session.started");
  assert.equal(stream.started["resumed"], false);
  assert.ok((stream.started["state"] as { rooms: unknown[] }).rooms.length > 0);
  assert.equal(stream.events[0]?.id, stream.started["cursor"]);
  await say("hello");
  await seen(stream, "hello");
  const event = stream.events.find((one) => one.event === "message.created");
  assert.equal(event?.data.event, "message.created");
  assert.equal(event?.data.room, general);
  assert.equal(event?.id, event?.data.cursor);
  stream.close();
});

test("Last-Event-ID resumes exactly, over a restart too, and wins over ?cursor=", async () => {
  const stream = await Stream.by(bob);
  await until("the beginning", () => stream.events[0]);
  const first = stream.lastId;
  await say("before the cut");
  await seen(stream, "before the cut");
  const id = stream.lastId;
  stream.close();
  await say("missed 1");
  await server.kill();
  await server.run();
  await say("missed 2");
  const again = await Stream.by(bob, `?cursor=${encodeURIComponent(first)}`, { "last-event-id": id });
  await say("live");
  await seen(again, "live");
  assert.equal(again.started["resumed"], true);
  assert.equal(again.started["missed"], 2);
  assert.deepEqual(again.texts(), ["missed 1", "missed 2", "live"]);
  again.close();
  const old = await Stream.by(bob, `?cursor=${encodeURIComponent(first)}`);
  await seen(old, "live");
  assert.deepEqual(old.texts(), ["before the cut", "missed 1", "missed 2", "live"]);
  old.close();
});

test("a heartbeat carries a fresh id, from which the stream goes on", async () => {
  const stream = await Stream.by(bob);
  await until("a heartbeat", () => stream.events.some((one) => one.event === "heartbeat" && one.id !== undefined));
  const id = stream.events.findLast((one) => one.event === "heartbeat")?.id ?? "";
  stream.close();
  await say("after the heartbeat");
  const again = await Stream.by(bob, "", { "last-event-id": id });
  await seen(again, "after the heartbeat");
  assert.equal(again.started["resumed"], true);
  assert.deepEqual(again.texts(), ["after the heartbeat"]);
  again.close();
});

test("an id that is none gives the state, and says why", async () => {
  const stream = await Stream.by(bob, "", { "last-event-id": "nonsense" });
  await until("the beginning", () => stream.events[0]);
  assert.equal(stream.started["reason"], "cursor_invalid");
  assert.ok(stream.started["state"]);
  stream.close();
});

test("rooms may be chosen, live and resumed; foreign ones are not found", async () => {
  const [one, two, secret] = [await ann.makeRoom("One"), await ann.makeRoom("Two"), await ann.makeRoom("Secret", true)];
  for (const room of [one, two]) await bob.ask("POST", `/rooms/${room}/join`);
  const stream = await Stream.by(bob, `?room=${one}&room=${general}`);
  await until("the beginning", () => stream.events[0]);
  const id = stream.lastId;
  for (const [room, text] of [[one, "in one"], [two, "in two"], [general, "in general"]] as const) await say(text, room);
  await seen(stream, "in general");
  assert.deepEqual(stream.texts(), ["in one", "in general"]);
  stream.close();
  const again = await Stream.by(bob, `?room=${two}`, { "last-event-id": id });
  await say("in two again", two);
  await seen(again, "in two again");
  assert.deepEqual(again.texts(), ["in two", "in two again"]);
  again.close();
  for (const room of [secret, crypto.randomUUID()]) assert.equal((await Stream.by(bob, `?room=${room}`)).status, 404);
  assert.equal((await Stream.by(bob, "?room=x")).status, 400);
});

/* The answer to a stream that is refused. */
const refusal = (query: string, headers: Record<string, string> = {}) => ask(server, "GET", `/events${query}`, { token: bob.token, headers });

test("rooms= is room=, both again and again or with commas; an empty list is not all rooms", async () => {
  const [one, two, three] = [await ann.makeRoom("Rooms 1"), await ann.makeRoom("Rooms 2"), await ann.makeRoom("Rooms 3")];
  for (const room of [one, two, three]) await bob.ask("POST", `/rooms/${room}/join`);
  for (const [at, query] of [`?rooms=${one},${two}`, `?rooms=${one}&rooms=${two}`, `?rooms=${one}&room=${two}`, `?room=${one}%2C${two}&_=1732`].entries()) {
    const stream = await Stream.by(bob, query);
    await until("the beginning", () => stream.events[0]);
    for (const [room, text] of [[three, "three"], [one, "one"], [two, "two"]] as const) await say(`${text} ${String(at)}`, room);
    await seen(stream, `two ${String(at)}`);
    assert.deepEqual(stream.texts(), [`one ${String(at)}`, `two ${String(at)}`], query);
    stream.close();
  }
  const many = Array.from({ length: 101 }, () => one).join(",");
  for (const [query, field] of [["?rooms=", "rooms"], ["?room=", "room"], [`?rooms=${one},`, "rooms"], [`?rooms=${one},,${two}`, "rooms"], ["?rooms=x", "rooms"], [`?rooms=${many}`, "rooms"]] as const) {
    const { status, body } = await refusal(query);
    assert.deepEqual([status, body["code"], body["field"]], [400, "invalid_field", field], query);
  }
});

test("a parameter that is not known is refused by its name, one that is given twice too", async () => {
  const first = await Stream.by(bob);
  await until("the beginning", () => first.events[0]);
  const cursor = encodeURIComponent(first.lastId);
  first.close();
  const cases = [["?roms=x", "roms"], ["?Room=x", "Room"], [`?token=${ann.token}`, "token"], ["?limit=5", "limit"], ["?=x", "query"], [`?${"x".repeat(33)}=`, "query"], ["?%ff=1", "query"], ["?a%20b=1", "query"],
    [`?cursor=${cursor}&cursor=${cursor}`, "cursor"], ["?cursor=&cursor=", "cursor"], ["?lastEventId=&lastEventId=", "lastEventId"], ["?ticket=a&ticket=b", "ticket"]] as const;
  for (const [query, field] of cases) {
    const { status, body } = await refusal(query);
    assert.deepEqual([status, body["code"], body["field"]], [400, "invalid_field", field], query);
    assert.ok(typeof body["detail"] === "string", query);
  }
  assert.equal((await refusal("?room=%4")).body["code"], "invalid_request");
});

test("a polyfill's lastEventId goes on like Last-Event-ID, which comes before it, as it does before ?cursor=", async () => {
  const stream = await Stream.by(bob);
  await until("the beginning", () => stream.events[0]);
  const ids = [stream.lastId];
  for (const text of ["step 1", "step 2"]) {
    await say(text);
    await seen(stream, text);
    ids.push(stream.lastId);
  }
  stream.close();
  const [old = "", middle = "", newest = ""] = ids.map(encodeURIComponent);
  for (const [query, headers, missed] of [[`?cursor=${old}&lastEventId=${middle}`, {}, 1], [`?lastEventId=${old}`, {}, 2], [`?lastEventId=${old}`, { "last-event-id": decodeURIComponent(newest) }, 0], [`?lastEventId=&cursor=${middle}`, {}, 1]] as const) {
    const again = await Stream.by(bob, query, headers);
    await until("the beginning", () => again.events[0]);
    assert.deepEqual([again.started["resumed"], again.started["missed"]], [true, missed], query);
    again.close();
  }
});

test("openapi.json says what the stream takes", async () => {
  const openapi = JSON.parse(await readFile(new URL("../../docs/openapi.json", import.meta.url), "utf8")) as {
    paths: Record<string, { get: { parameters: { name: string; in: string }[]; responses: Record<string, { content?: Json }> } }>;
  };
  const stream = openapi.paths["/events"]?.get;
  assert.ok(stream?.responses["200"]?.content?.["text/event-stream"]);
  const query = stream.parameters.filter((one) => one.in === "query").map((one) => one.name);
  const refused = await refusal("?unknown=1");
  for (const name of query) {
    assert.ok((refused.body["detail"] as string).includes(name), name);
    assert.notEqual((await refusal(`?${name}=x&unknown=1`)).body["field"], "query", name);
  }
  assert.deepEqual(stream.parameters.filter((one) => one.in === "header").map((one) => one.name), ["Last-Event-ID"]);
});

test("nothing from a room after one was removed from it", async () => {
  const room = await ann.makeRoom("Closed", true);
  await ann.ask("POST", `/rooms/${room}/members`, { user: await bob.id() });
  const stream = await Stream.by(bob, `?room=${room}&room=${general}`);
  await until("the beginning", () => stream.events[0]);
  await say("inside", room);
  await seen(stream, "inside");
  await ann.ask("DELETE", `/rooms/${room}/members/${await bob.id()}`);
  await say("outside", room);
  await say("the end");
  await seen(stream, "the end");
  assert.deepEqual(stream.texts(), ["inside", "the end"]);
  stream.close();
});

test("a cookie signs in too; strangers, foreign pages and other methods are refused", async () => {
  const made = await ask(server, "POST", "/session", { body: { login: "bob", password: "correct horse" }, headers: { origin: server.url } });
  const cookie = (made.headers.get("set-cookie") ?? "").split(";")[0] ?? "";
  const stream = await Stream.open(server, "", { cookie, "sec-fetch-site": "same-origin" });
  assert.equal(stream.status, 200);
  stream.close();
  assert.equal((await Stream.open(server)).status, 401);
  assert.equal((await Stream.open(server, "", { authorization: "Bearer nonsense" })).status, 401);
  assert.equal((await Stream.open(server, "", { cookie, origin: "https://evil.example", "sec-fetch-site": "cross-site" })).status, 403);
  assert.equal((await Stream.open(server, `?token=${bob.token}`)).status, 400, "no bearer in a query, ever");
  const posted = await fetch(`${server.url}/api/v1/events`, { method: "POST", headers: { authorization: `Bearer ${bob.token}` } });
  assert.equal(posted.status, 405);
  assert.equal(posted.headers.get("allow"), "GET, HEAD, OPTIONS");
  await posted.body?.cancel();
});

test("HEAD says what GET would, and keeps no stream", async () => {
  const stream = await Stream.by(bob);
  const request = ["HEAD /api/v1/events HTTP/1.1", `Host: ${new URL(server.url).host}`, `Authorization: Bearer ${bob.token}`, "", ""].join("\r\n");
  const only = (await exchange(server, request)).text;
  assert.ok(only.startsWith("HTTP/1.1 200 OK\r\n") && only.indexOf("\r\n\r\n") === only.length - 4, only);
  const headers = new Headers(only.trim().split("\r\n").slice(1).map((line) => line.split(": ", 2) as [string, string]));
  headers.set("date", stream.headers.get("date") ?? "none");
  assert.deepEqual([...headers], [...stream.headers]);
  assert.deepEqual([headers.get("content-type"), headers.get("content-length")], ["text/event-stream", null]);
  stream.close();
  const stranger = await fetch(`${server.url}/api/v1/events`, { method: "HEAD" });
  assert.deepEqual([stranger.status, stranger.headers.get("content-type")], [401, "application/problem+json"]);
});

test("a ticket opens one stream, once, and dies with its session", async () => {
  const ticket = async () => (await bob.ask("POST", "/tickets")).body["ticket"] as string;
  const first = await ticket();
  const stream = await Stream.open(server, `?ticket=${first}`);
  assert.equal(stream.status, 200);
  stream.close();
  assert.equal((await Stream.open(server, `?ticket=${first}`)).status, 401);
  assert.equal((await Stream.open(server, "?ticket=pt_nonsense")).status, 401);
  const other = await ask(server, "POST", "/session", { body: { login: "bob", password: "correct horse", token: true } });
  const token = other.body["token"] as string;
  const late = (await ask(server, "POST", "/tickets", { token })).body["ticket"] as string;
  await ask(server, "DELETE", "/session", { token });
  assert.equal((await Stream.open(server, `?ticket=${late}`)).status, 401);
});

test("a ticket of a session that has ended does not open the next one's stream", async () => {
  const signIn = (login: string) => ask(server, "POST", "/session", { body: { login, password: "correct horse", token: true } });
  const token = (await signIn("bob")).body["token"] as string;
  const ticket = (await ask(server, "POST", "/tickets", { token })).body["ticket"] as string;
  await ask(server, "DELETE", "/session", { token });
  assert.equal((await signIn("ann")).status, 201);
  assert.equal((await Stream.open(server, `?ticket=${ticket}`)).status, 401);
});

test("one address holds one ticket, and guessing is charged to the guesser's address", async () => {
  assert.equal((await Stream.open(server, "?ticket=pt_one&ticket=pt_two")).status, 400);
  const strict = await Server.start(["--limits.rate=on", "--limits.address_rate=1", "--limits.address_burst=3"]);
  try {
    const dan = await strict.person("dan", "owner");
    const tries = await Promise.all(Array.from({ length: 6 }, () => Stream.open(strict, "?ticket=pt_nonsense")));
    assert.deepEqual(tries.map((one) => one.status).sort(), [401, 401, 401, 429, 429, 429]);
    assert.equal((await dan.ask("GET", "/me")).status, 200);
  } finally {
    await strict.end();
  }
});

test("who takes ticket after ticket loses the own oldest, and nobody else's", async () => {
  const take = async (person: Person) => (await person.ask("POST", "/tickets")).body["ticket"] as string;
  const ofBob = await take(bob);
  const oldest = await take(ann);
  for (let taken = 0; taken < allTickets; taken += ticketsPerPerson) await Promise.all(Array.from({ length: ticketsPerPerson }, () => take(ann)));
  assert.equal((await Stream.open(server, `?ticket=${oldest}`)).status, 401);
  for (const ticket of [ofBob, await take(ann)]) {
    const stream = await Stream.open(server, `?ticket=${ticket}`);
    assert.equal(stream.status, 200);
    stream.close();
  }
});

test("who signs out, or is disabled, hears no more within a second", async () => {
  const cleo = await server.person("cleo");
  const stream = await Stream.by(cleo);
  await until("the beginning", () => stream.events[0]);
  const before = Date.now();
  await server.cli("user", "disable", "cleo");
  await until("the end", () => stream.ended);
  assert.ok(Date.now() - before < 1500);
  assert.equal(stream.events.at(-1)?.event, "session.closed");
  assert.equal((await Stream.by(cleo)).status, 401);
});

test("a stop ends streams with a wait of their own, so that not everybody comes back at once", async () => {
  const other = await Server.start();
  const emil = await other.person("emil", "owner");
  const stream = await Stream.by(emil);
  await until("the beginning", () => stream.events[0]);
  assert.equal(await other.stop(), 0);
  await until("the end", () => stream.ended);
  assert.match(stream.raw, /\nretry: \d+\nevent: session\.closed\ndata: \{"event":"session\.closed","data":\{"code":4000,"reason":"retry_after=\d+"\}\}\n\n$/);
  await other.end();
});

test("curl gets the same", async () => {
  const curl = spawn("curl", ["-sN", "--max-time", "20", "-H", `Authorization: Bearer ${bob.token}`, `${server.url}/api/v1/events`]);
  let out = "";
  curl.stdout.on("data", (bytes: Buffer) => (out += bytes.toString()));
  await until("the beginning", () => out.includes("event: session.started\n"));
  await say("to curl");
  await until("the message", () => out.includes('"text":"to curl"'));
  assert.match(out, /\nid: \S+\nevent: message\.created\ndata: \{"event":"message\.created",.*\}\n\n/);
  curl.kill();
});

test("a reader that stalls is cut and resumes whole; who shuts down early is no harm", async () => {
  const small = await Server.start(["--net.queue_bytes=65536", "--net.close_timeout_ms=60000", "--realtime.resume_max_events=100000"]);
  try {
    const dora = await small.person("dora", "owner");
    const room = await dora.room("general");
    const socket = connect(Number(new URL(small.url).port), "127.0.0.1");
    let raw = "";
    socket.on("data", (bytes) => (raw += bytes.toString()));
    socket.write(`GET /api/v1/events HTTP/1.1\r\nHost: ${new URL(small.url).host}\r\nAuthorization: Bearer ${dora.token}\r\n\r\nPOST / nonsense behind it`);
    await until("the beginning", () => raw.includes("session.started"));
    socket.pause();
    const client = await dora.connect();
    const total = 6000;
    for (let count = 0; count < total; count += 10) await Promise.all(Array.from({ length: 10 }, (_, index) => client.send(room, `${String(count + index)} ${"x".repeat(2000)}`)));
    socket.resume();
    await until("the end", () => socket.closed || socket.readableEnded);
    const ids = [...raw.matchAll(/^id: (\S+)\nevent: message\.created\ndata: .*\}\n\n/gm)].map((match) => match[1]);
    assert.ok(ids.length > 0 && ids.length < total, `${String(ids.length)} events before the cut`);
    const again = await Stream.by(dora, "", { "last-event-id": ids.at(-1) ?? "" });
    await until("the rest", () => again.texts().length === total - ids.length, 60_000);
    assert.equal(Number((again.texts()[0] ?? "").split(" ")[0]), ids.length);
    again.close();
    const hasty = connect(Number(new URL(small.url).port), "127.0.0.1");
    hasty.write(`GET /api/v1/events HTTP/1.1\r\nHost: ${new URL(small.url).host}\r\nAuthorization: Bearer ${dora.token}\r\n\r\n`);
    hasty.destroy();
    assert.equal((await dora.ask("GET", "/me")).status, 200);
    client.close();
  } finally {
    await small.end();
  }
});
