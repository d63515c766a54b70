/* Socket.IO at /socket.io/: the unmodified socket.io-client over polling, WebSocket and the upgrade between them, with two
 * loops, so that the requests of one client arrive on either. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { Agent, request } from "node:http";
import { Agent as SecureAgent } from "node:https";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { io, type ManagerOptions, type Socket, type SocketOptions } from "socket.io-client";
import { WebSocket } from "ws";
import { Echo } from "./echo.ts";
import { ask, Server, until, type EventJson, type Json, type MessageJson, type Person } from "./harness.ts";
import { Line } from "./raw.ts";

/** One socket, with what came by it. */
class Caller {
  readonly socket: Socket;
  events: EventJson[] = [];
  offsets: unknown[] = [];
  ends: string[] = [];
  errors: (Error & { data?: Json })[] = [];
  static #all: Caller[] = [];

  /** What a test that failed left open would keep Node from ending. */
  static closeAll(): void {
    for (const caller of Caller.#all) caller.close();
  }

  constructor(server: Server, options: Partial<ManagerOptions & SocketOptions>, nsp = "/") {
    Caller.#all.push(this);
    this.socket = io(`${server.url}${nsp}`, { forceNew: true, reconnectionDelay: 50, reconnectionDelayMax: 200, ...options });
    this.socket.onAny((name: string, event: EventJson, ...rest: unknown[]) => {
      assert.equal(event.event, name, "the envelope names the event");
      this.events.push(event);
      this.offsets.push(rest[0]);
    });
    this.socket.on("disconnect", (reason) => this.ends.push(reason));
    this.socket.on("connect_error", (error) => this.errors.push(error as Error & { data?: Json }));
  }

  static async joined(server: Server, options: Partial<ManagerOptions & SocketOptions>, nsp = "/"): Promise<Caller> {
    const caller = new Caller(server, options, nsp);
    await until("session.started", () => caller.starts.length > 0);
    return caller;
  }

  get starts(): Json[] {
    return this.events.filter((one) => one.event === "session.started").map((one) => one.data);
  }

  texts(room?: string): string[] {
    return this.events.filter((one) => one.event === "message.created" && (room === undefined || one.room === room)).map((one) => (one.data["message"] as MessageJson).text);
  }

  /** An operation; its acknowledgement. */
  async ask(name: string, params?: unknown): Promise<{ result?: Json; error?: { code: string } & Json }> {
    return (await this.socket.timeout(20_000).emitWithAck(name, params)) as { result?: Json; error?: { code: string } & Json };
  }

  get way(): string {
    return this.socket.io.engine.transport.name;
  }

  say(room: string, text: string) {
    return this.ask("message.send", { room, text, nonce: crypto.randomUUID() });
  }

  close(): void {
    this.socket.disconnect();
  }
}

let server: Server;
let ann: Person;
let bob: Person;
let general: string;
const bearer = (person: Person, more: Json = {}) => ({ auth: { token: person.token, ...more } });

before(async () => {
  server = await Server.start(["--loops=2", "--socketio.namespaces=/second, /third,/fourth"]);
  ann = await server.person("ann", "owner");
  bob = await server.person("bob");
  general = await ann.room("general");
});
after(() => {
  Caller.closeAll();
  return server.end();
});

/** What a page of some site, or any other client, gets for one request. */
async function raw(on: Server, query: string, options: { method?: string; body?: string; headers?: Record<string, string> } = {}): Promise<{ status: number; text: string; headers: Headers }> {
  const response = await fetch(`${on.url}/socket.io/?${query}`, { ...options, signal: AbortSignal.timeout(20_000) });
  return { status: response.status, text: await response.text(), headers: response.headers };
}

async function openPolling(on: Server = server, headers: Record<string, string> = {}): Promise<string> {
  const { status, text } = await raw(on, "EIO=4&transport=polling", { headers });
  assert.equal(status, 200, text);
  return (JSON.parse(text.slice(1)) as { sid: string }).sid;
}

const polling = (sid: string) => `EIO=4&transport=polling&sid=${sid}`;

async function metric(name: string): Promise<number> {
  const response = await fetch(`${server.url}/metrics`, { headers: { authorization: `Bearer ${ann.token}` } });
  return Number(new RegExp(`^${name} (\\S+)$`, "m").exec(await response.text())?.[1]);
}

/** A connection of its own for each request: they arrive on either loop. */
const withoutKeepAlive = { agent: new Agent({ keepAlive: false }) as unknown as string };

const ways: [string, Partial<ManagerOptions>][] = [
  ["polling only", { transports: ["polling"] }],
  ["polling without keep-alive", { transports: ["polling"], ...withoutKeepAlive }],
  ["WebSocket only", { transports: ["websocket"] }],
  ["polling, then WebSocket", withoutKeepAlive],
];
for (const [way, options] of ways) {
  describe(way, () => {
    test("operations are acknowledged, events keep their names, once and in order", async () => {
      const [one, other] = await Promise.all([Caller.joined(server, { ...options, ...bearer(ann) }), Caller.joined(server, { ...options, ...bearer(bob) })]);
      assert.ok((one.starts[0]?.["state"] as Json | undefined)?.["rooms"]);
      const sent = Array.from({ length: 40 }, (_, index) => `${way} ${String(index)}`);
      const replies = await Promise.all(sent.map((text) => one.say(general, text)));
      for (const reply of replies) assert.ok(reply.result?.["message"], JSON.stringify(reply));
      for (const caller of [one, other]) {
        await until("the messages", () => caller.texts().length >= sent.length);
        assert.deepEqual(caller.texts().sort(), [...sent].sort());
        const seqs = caller.events.filter((event) => event.event === "message.created").map((event) => event.seq ?? 0);
        assert.deepEqual(seqs, [...seqs].sort((a, b) => a - b));
      }
      if (options.transports?.length === 1) assert.equal(one.way, options.transports[0]);
      else await until("the upgrade", () => one.way === "websocket");
      for (const caller of [one, other]) caller.close();
    });

    test("a state is recovered over SIGKILL and restart: the same pid, what was missed once", async () => {
      const caller = await Caller.joined(server, { ...options, reconnection: false, ...bearer(bob, { recovery: true }) });
      assert.equal(caller.socket.recovered, false);
      await ann.send(general, "seen");
      await until("a message", () => caller.texts().length === 1);
      assert.equal(caller.offsets.at(-1), caller.events.at(-1)?.cursor);
      await server.kill();
      await until("the end", () => caller.ends.length > 0);
      await server.run();
      for (const text of ["missed 1", "missed 2"]) await ann.send(general, text);
      caller.socket.connect();
      await until("the state", () => caller.starts.length === 2);
      assert.equal(caller.socket.recovered, true);
      assert.equal(caller.starts[1]?.["resumed"], true);
      assert.equal(caller.starts[1]?.["state"], undefined);
      await ann.send(general, "live");
      await until("the messages", () => caller.texts().includes("live"));
      assert.deepEqual(caller.texts(), ["seen", "missed 1", "missed 2", "live"]);
      caller.close();
    });
  });
}

test("requests of one session that arrive on the other loop move there", async () => {
  const before = await metric("parley_connections_moved_total");
  const caller = await Caller.joined(server, { transports: ["polling"], ...withoutKeepAlive, ...bearer(ann) });
  for (let count = 0; count < 30; count++) assert.ok((await caller.ask("room.list")).result);
  assert.ok((await metric("parley_connections_moved_total")) > before);
  caller.close();
});

test("over TLS they move with all of it", async () => {
  const secure = await Server.start(["--loops=2"]);
  try {
    const dora = await secure.person("dora", "owner");
    const files = [join(secure.folder, "cert.pem"), join(secure.folder, "key.pem")] as const;
    await promisify(execFile)("openssl", ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1", "-out", files[0], "-keyout", files[1]]);
    await secure.stop();
    secure.options.push(`--tls.certificate=${files[0]}`, `--tls.key=${files[1]}`);
    await secure.run();
    assert.match(secure.url, /^https:/);
    const agent = new SecureAgent({ keepAlive: false, rejectUnauthorized: false }) as unknown as string;
    const caller = await Caller.joined(secure, { transports: ["polling"], agent, rejectUnauthorized: false, ...bearer(dora) });
    for (let count = 0; count < 30; count++) assert.ok((await caller.ask("room.list")).result);
    caller.close();
    const upgraded = await Caller.joined(secure, { agent, rejectUnauthorized: false, ...bearer(dora) });
    await until("the upgrade", () => upgraded.way === "websocket");
    assert.ok((await upgraded.ask("room.list")).result);
    upgraded.close();
  } finally {
    await secure.end();
  }
});

test("auth.cursor goes on from a saved place, auth.rooms chooses rooms; an altered cursor gives the state", async () => {
  const [one, two] = [await ann.makeRoom("Chosen"), await ann.makeRoom("Other")];
  for (const room of [one, two]) await bob.ask("POST", `/rooms/${room}/join`);
  const first = await Caller.joined(server, bearer(bob));
  const cursor = first.starts[0]?.["cursor"] as string;
  first.close();
  for (const [room, text] of [[one, "in one"], [two, "in two"], [general, "in general"]] as const) await ann.send(room, text);
  const all = await Caller.joined(server, bearer(bob, { cursor }));
  await until("the last", () => all.texts().includes("in general"));
  assert.deepEqual(all.texts(), ["in one", "in two", "in general"]);
  assert.equal(all.offsets.every((offset) => offset === undefined), true, "no offset where it was not asked for");
  assert.ok(!all.socket.recovered);
  all.close();
  const chosen = await Caller.joined(server, bearer(bob, { cursor, rooms: [one, general] }));
  await until("the last", () => chosen.texts().includes("in general"));
  assert.deepEqual(chosen.texts(), ["in one", "in general"]);
  chosen.close();
  const altered = await Caller.joined(server, bearer(bob, { cursor: `${cursor.slice(0, -1)}${cursor.endsWith("0") ? "1" : "0"}` }));
  assert.equal(altered.starts[0]?.["reason"], "cursor_invalid");
  altered.close();
  for (const bad of [{ rooms: "x" }, { rooms: ["x"] }, { rooms: [7] }, { cursor: "x".repeat(200) }]) {
    const refused = new Caller(server, { reconnection: false, ...bearer(bob, bad) });
    await until("the error", () => refused.errors[0]);
    assert.equal(refused.errors[0]?.data?.["code"], "invalid_field");
    refused.close();
  }
});

test("an auth payload of wrong types is refused by the name of the field, null is as not given", async () => {
  const { token } = bob;
  const wrong: [unknown, string][] = [
    [[], "auth"], ["x", "auth"], [5, "auth"], [true, "auth"],
    [{ token: 5 }, "token"], [{ token, cursor: 7 }, "cursor"], [{ token, rooms: 5 }, "rooms"], [{ token, rooms: {} }, "rooms"],
    [{ token, recovery: "yes" }, "recovery"], [{ token, pid: 1 }, "pid"], [{ token, offset: [] }, "offset"],
  ];
  for (const [auth, field] of wrong) {
    const refused = new Caller(server, { reconnection: false, transports: ["websocket"], auth: auth as Json });
    const { message, data } = await until("the error", () => refused.errors[0]);
    assert.deepEqual([message, data?.["code"], data?.["field"]], ["A field has a wrong type or value", "invalid_field", field], JSON.stringify(auth));
    refused.close();
  }
  const good = await Caller.joined(server, { auth: { token, cursor: null, rooms: null, recovery: null, more: 1 } });
  assert.ok(good.starts[0]?.["state"]);
  good.close();
});

/* A costly fan-out holds up delivering for a while: what is sent meanwhile must wait with its event. */
test("one's own event comes before the acknowledgement", async () => {
  const wide = await Server.start(["--loops=1", "--limits.connections_per_person=2000"]);
  const others: WebSocket[] = [];
  try {
    const dora = await wide.person("dora", "owner");
    const room = await dora.room("general");
    for (let count = 0; count < 300; count++) {
      const socket = new WebSocket(`${wide.url.replace("http", "ws")}/socket.io/?EIO=4&transport=websocket`);
      others.push(socket);
      socket.on("open", () => socket.send(`40${JSON.stringify({ token: dora.token })}`));
    }
    const started = others.map(
      (socket) =>
        new Promise<void>((resolve) => {
          socket.on("message", (data: Buffer) => {
            if (data.toString().startsWith("42")) resolve();
          });
        }),
    );
    await Promise.all(started);
    const caller = await Caller.joined(wide, { transports: ["websocket"], ...bearer(dora) });
    const texts = Array.from({ length: 200 }, (_, index) => String(index));
    const early: string[] = [];
    const acks = texts.map(async (text) => {
      await caller.socket.timeout(20_000).emitWithAck("message.send", { room, text, nonce: text });
      if (!caller.texts().includes(text)) early.push(text);
    });
    await Promise.all(acks);
    assert.deepEqual(early, []);
    caller.close();
  } finally {
    for (const socket of others) socket.terminate();
    await wide.end();
  }
});

test("nobody recovers a state of somebody else", async () => {
  const mine = await Caller.joined(server, { transports: ["websocket"], reconnection: false, ...bearer(ann, { recovery: true }) });
  const inside = mine.socket as unknown as { _pid: string; _lastOffset: string };
  const theirs = await Caller.joined(server, { transports: ["websocket"], ...bearer(bob, { pid: inside._pid, offset: inside._lastOffset }) });
  assert.notEqual((theirs.socket as unknown as { _pid: string })._pid, inside._pid);
  for (const caller of [mine, theirs]) caller.close();
});

test("several namespaces on one connection, each with a sign-in and rooms of its own", async () => {
  const own = await ann.makeRoom("Own", true);
  const main = await Caller.joined(server, bearer(ann, { rooms: [own] }));
  const manager = main.socket.io;
  const other = manager.socket("/second", { auth: { token: bob.token, recovery: true } });
  const heard: [string, EventJson, unknown][] = [];
  other.onAny((name: string, event: EventJson, offset: unknown) => heard.push([name, event, offset]));
  other.connect();
  await until("the second", () => heard.length > 0);
  assert.equal(heard[0]?.[0], "session.started");
  await ann.send(own, "for ann");
  await ann.send(general, "for bob");
  await until("both", () => heard.some(([name]) => name === "message.created") && main.texts().length > 0);
  assert.deepEqual(main.texts(), ["for ann"]);
  const [, event, offset] = heard.find(([name]) => name === "message.created") ?? [];
  assert.equal((event?.data["message"] as MessageJson).text, "for bob");
  assert.equal(offset, event?.cursor);
  assert.equal(((await other.timeout(9000).emitWithAck("user.me")) as { result: { user: { name: string } } }).result.user.name, "bob");
  for (const [nsp, auth, message] of [["/unknown", { token: ann.token }, "Invalid namespace"], ["/third", {}, "Sign in first"], ["/fourth", { token: "pl_nonsense" }, "The token is unknown, expired or revoked"]] as const) {
    const refused = manager.socket(nsp, { auth });
    const errors: (Error & { data?: Json })[] = [];
    refused.on("connect_error", (error) => errors.push(error as Error & { data?: Json }));
    const error = await until(message, () => errors.find((one) => one.message === message));
    if (nsp !== "/unknown") assert.match(error.data?.["code"] as string, /^(sign_in_required|invalid_token)$/);
    refused.disconnect();
  }
  other.disconnect();
  assert.ok((await main.ask("room.list")).result, "the others stay when one leaves");
  await until("bob to be gone", async () => !((await ann.ask("GET", "/state")).body["state"] as { online: string[] }).online.includes(await bob.id()));
  other.connect();
  await until("it is back", () => heard.filter(([name]) => name === "session.started").length === 2);
  other.disconnect();
  main.close();
});

test("what is no operation is answered with its error, and without an acknowledgement with nothing", async () => {
  const caller = await Caller.joined(server, { transports: ["websocket"], ...bearer(ann) });
  const code = async (name: string, params?: unknown) => (await caller.ask(name, params)).error?.code;
  assert.equal(await code("nothing.like_it"), "unknown_operation");
  assert.equal(await code("session.create", { login: "ann", password: "x" }), "unknown_operation");
  assert.equal(await code("session.authenticate", { token: ann.token }), "already_signed_in");
  assert.equal(await code("session.start"), "already_started");
  assert.equal(await code("message.send", { room: general, text: Buffer.from("binary") }), "invalid_request");
  assert.equal(await code("message.send", ["x"]), "invalid_request");
  assert.equal(await code("message.send", { room: general }), "missing_field");
  caller.socket.emit("nothing.like_it", {});
  caller.socket.emit("message.send", { room: general, text: "without an acknowledgement", nonce: crypto.randomUUID() });
  await until("the message", () => caller.texts().includes("without an acknowledgement"));
  assert.equal(caller.ends.length, 0);
  caller.close();
});

test("a cookie signs in from our own pages only, GETs included", async () => {
  const made = await ask(server, "POST", "/session", { body: { login: "bob", password: "correct horse" }, headers: { origin: server.url } });
  const cookie = (made.headers.get("set-cookie") ?? "").split(";")[0] ?? "";
  const open = "EIO=4&transport=polling";
  for (const headers of [{ cookie }, { cookie, origin: "https://evil.example" }, { origin: "https://evil.example" }, { cookie, "sec-fetch-site": "cross-site" }] as Record<string, string>[]) {
    const { status, text } = await raw(server, open, { headers });
    assert.equal(status, 403, JSON.stringify(headers));
    assert.deepEqual(JSON.parse(text), { code: 4, message: "Forbidden" });
  }
  const sid = await openPolling(server, { cookie, origin: server.url });
  assert.equal((await raw(server, polling(sid), { headers: { cookie, origin: "https://evil.example" } })).status, 403, "the sid alone does not help a foreign page");
  for (const headers of [{ cookie, origin: server.url }, { cookie, "sec-fetch-site": "same-origin" }] as Record<string, string>[]) {
    const caller = await Caller.joined(server, { extraHeaders: headers });
    assert.equal((((await caller.ask("user.me")).result?.["user"]) as { name: string }).name, "bob");
    caller.close();
  }
  const foreign = new WebSocket(`${server.url.replace("http", "ws")}/socket.io/?EIO=4&transport=websocket`, { headers: { cookie, origin: "https://evil.example" } });
  const status = await new Promise((resolve) => {
    foreign.on("unexpected-response", (_request, response) => resolve(response.statusCode));
    foreign.on("open", () => resolve(101));
    foreign.on("error", () => undefined);
  });
  foreign.terminate();
  assert.equal(status, 403);
});

test("a bearer in the Authorization header signs in; the auth payload's wins", async () => {
  const headers = { authorization: `Bearer ${ann.token}` };
  const caller = await Caller.joined(server, { extraHeaders: headers });
  const both = await Caller.joined(server, { extraHeaders: headers, ...bearer(bob) });
  for (const [one, name] of [[caller, "ann"], [both, "bob"]] as const) {
    assert.equal((((await one.ask("user.me")).result?.["user"]) as { name: string }).name, name);
    one.close();
  }
});

test("pages of listed sites come with a token; their cookie counts nothing, and credentials are never allowed", async () => {
  const site = "https://app.example.org";
  const open = await Server.start([`--cors.origins=${site}`]);
  try {
    const dora = await open.person("dora", "owner");
    const made = await ask(open, "POST", "/session", { body: { login: "dora", password: "correct horse" }, headers: { origin: open.url } });
    const cookie = (made.headers.get("set-cookie") ?? "").split(";")[0] ?? "";
    const preflight = await fetch(`${open.url}/socket.io/?EIO=4`, { method: "OPTIONS", headers: { origin: site, "access-control-request-method": "POST" } });
    assert.equal(preflight.status, 204);
    assert.equal(preflight.headers.get("access-control-allow-origin"), site);
    for (const query of ["EIO=4&transport=polling", "EIO=3&transport=polling", polling("00nonsense")]) {
      const { headers } = await raw(open, query, { headers: { origin: site } });
      assert.equal(headers.get("access-control-allow-origin"), site, query);
      assert.equal(headers.get("access-control-allow-credentials"), null);
    }
    const caller = await Caller.joined(open, { extraHeaders: { origin: site }, ...bearer(dora) });
    caller.close();
    const byCookie = new Caller(open, { reconnection: false, extraHeaders: { origin: site, cookie } });
    await until("the error", () => byCookie.errors[0]);
    assert.equal(byCookie.errors[0]?.data?.["code"], "sign_in_required");
    byCookie.close();
    assert.equal((await raw(open, "EIO=4&transport=polling", { headers: { origin: "https://other.example.org" } })).status, 403);
  } finally {
    await open.end();
  }
});

test("a client may post as much as it is told, which is more than other bodies may have", async () => {
  const { text } = await raw(server, "EIO=4&transport=polling");
  const { sid, maxPayload } = JSON.parse(text.slice(1)) as { sid: string; maxPayload: number };
  assert.equal(maxPayload, 1_000_000);
  const pongs = (bytes: number) => "3\x1e".repeat(bytes / 2 - 1) + "40";
  assert.deepEqual(await raw(server, polling(sid), { method: "POST", body: pongs(maxPayload) }).then(({ status, text }) => [status, text]), [200, "ok"]);
  assert.equal((await raw(server, polling(sid), { method: "POST", body: pongs(maxPayload + 2) })).status, 413);
  assert.equal((await ask(server, "POST", "/rooms", { token: ann.token, body: { name: "x".repeat(262_144) } })).status, 413);
});

/** An operation that reads little of what it gets; its packet has a few bytes more than `bytes`. */
const padded = (caller: Caller, bytes: number) => caller.ask("room.list", { pad: "x".repeat(bytes) });
const max_payload_bytes = 1_000_000;
const around_bytes = 60; // name, id, brackets

for (const way of ["polling", "websocket"] as const) {
  test(`an event may be as large as clients are told, text or binary, and no larger: ${way}`, async () => {
    const caller = await Caller.joined(server, { transports: [way], reconnection: false, ...bearer(ann) });
    const attachment_bytes = way === "polling" ? Math.floor((max_payload_bytes - 200) * 3 / 4) : max_payload_bytes; // polling writes base64
    assert.ok((await padded(caller, max_payload_bytes - around_bytes)).result);
    assert.equal((await caller.ask("room.list", { pad: Buffer.alloc(attachment_bytes, 7) })).error?.code, "invalid_request");
    assert.ok((await caller.ask("room.list")).result, "it goes on");
    assert.deepEqual(caller.ends, []);
    for (const pad of ["x".repeat(max_payload_bytes), Buffer.alloc(attachment_bytes + 200, 7)]) {
      const greedy = await Caller.joined(server, { transports: [way], reconnection: false, ...bearer(ann) });
      greedy.socket.emit("room.list", { pad });
      await until("the end", () => greedy.ends.length > 0);
      assert.match(String(greedy.ends[0]), /^transport (error|close)$/);
    }
    assert.ok((await caller.ask("room.list")).result, "nobody else is hurt");
    caller.close();
  });

  test(`what is that large goes there and back: ${way}`, async () => {
    const echo = await Echo.start();
    const socket = io(echo.url, { forceNew: true, transports: [way], reconnection: false });
    const bytes = Buffer.alloc(way === "polling" ? 700_000 : max_payload_bytes, "0123456789abcdef");
    const text = "ö".repeat(max_payload_bytes / 2 - around_bytes);
    assert.deepEqual(await socket.timeout(20_000).emitWithAck("message-with-ack", bytes), bytes);
    assert.equal(await socket.timeout(20_000).emitWithAck("message-with-ack", text), text);
    socket.disconnect();
    assert.equal(await echo.stop(), 0);
  });
}

test("a plain WebSocket's message has its own, lower limit", async () => {
  const plain = async (bytes: number): Promise<{ text: string; code: number }> => {
    const socket = new WebSocket(`${server.url.replace("http", "ws")}/api/v1/ws`, { headers: { authorization: `Bearer ${ann.token}` } });
    let text = "";
    const closed = new Promise<number>((resolve) => socket.once("close", resolve));
    socket.on("message", (data: Buffer) => {
      text += data.toString();
      socket.close();
    });
    await new Promise((resolve) => socket.once("open", resolve));
    socket.send(`{"id":1,"method":"room.list"}`.padEnd(bytes));
    const code = await closed;
    return { text, code };
  };
  assert.match((await plain(65_536)).text, /"result"/);
  assert.deepEqual(await plain(65_537), { text: "", code: 1009 });
});

test("requests that are none get 400 and the documented code", async () => {
  const sid = await openPolling();
  for (const [query, method, code] of [
    ["EIO=4", "GET", 0],
    ["EIO=4&transport=tcp", "GET", 0],
    [polling("00AAAAAAAAAAAAAAAAAAAAAA"), "GET", 1],
    [polling("zz"), "GET", 1],
    [polling("ffAAAAAAAAAAAAAAAAAAAAAA"), "POST", 1],
    ["EIO=4&transport=polling", "POST", 2],
    ["EIO=4&transport=polling", "PUT", 2],
    ["EIO=4&transport=websocket", "GET", 3],
    [polling(sid), "PUT", 3],
    [polling(sid), "DELETE", 3],
    ["EIO=3&transport=polling", "GET", 5],
    ["transport=polling", "GET", 5],
    ["EIO=abc&transport=polling", "GET", 5],
  ] as const) {
    const { status, text } = await raw(server, query, { method });
    assert.equal(status, 400, `${method} ${query}`);
    assert.equal((JSON.parse(text) as { code: number }).code, code, `${method} ${query}`);
  }
  assert.equal((await raw(server, polling(sid), { method: "POST", body: "40" })).status, 200, "none of them hurt the session");
});

test("a second poll ends the session: the first gets a close packet, the second 400", async () => {
  const sid = await openPolling();
  const first = raw(server, polling(sid));
  const second = await until("both polls", async () => {
    const answer = await raw(server, polling(sid));
    return answer.status === 400 ? answer : undefined;
  });
  assert.equal(second.status, 400);
  assert.equal((await first).text.endsWith("1") || (await first).status === 400, true);
  assert.equal((await raw(server, polling(sid))).status, 400);
});

/* The answer to the first poll lets the request behind it in while the session is being ended. */
test("a poll that waits behind the one which ends with the session finds none", async () => {
  const statuses = await until("the poll to arrive before the one that is too many", async () => {
    const sid = await openPolling();
    const poll = `GET /socket.io/?${polling(sid)} HTTP/1.1\r\nHost: ${new URL(server.url).host}\r\n\r\n`;
    const line = await Line.open(server.url);
    line.write(poll + poll);
    await raw(server, polling(sid), { method: "POST", body: "3" });
    await raw(server, polling(sid));
    const found = await until("both answers", () => (line.statuses.length === 2 ? line.statuses : undefined));
    line.close();
    return found[0] === 200 ? found : undefined;
  });
  assert.deepEqual(statuses, [200, 400]);
});

test("a poll that is taken back ends the session", async () => {
  const sid = await openPolling();
  const waiting = request(`${server.url}/socket.io/?${polling(sid)}`).on("error", () => undefined);
  const sent = new Promise((resolve) => waiting.on("finish", resolve));
  waiting.end();
  await sent;
  waiting.destroy();
  await until("the end", async () => {
    const { status, text } = await raw(server, polling(sid), { method: "POST", body: "3" });
    return status === 400 && text.includes('"code":1');
  });
});

test("a client's close packet ends the session, and a pending poll with a noop", async () => {
  const sid = await openPolling();
  const poll = raw(server, polling(sid));
  assert.equal((await raw(server, polling(sid), { method: "POST", body: "1" })).text, "ok");
  const { status, text } = await poll;
  assert.ok((status === 200 && text === "6") || status === 400, text); // the close may arrive first, on another connection
  assert.equal((await raw(server, polling(sid))).status, 400);
});

test("what is no packet ends the session: of Engine.IO with 400, of Socket.IO with a close", async () => {
  for (const body of ["", "abc", "4\x1e", "b*", "2probe", "5", "0{}"]) {
    const sid = await openPolling();
    assert.equal((await raw(server, polling(sid), { method: "POST", body })).status, 400, body);
    assert.equal((await raw(server, polling(sid))).status, 400, body);
  }
  for (const body of ["4", "4abc", "42{}", "42[]", '42["connect"]', "451-[\"x\"]\x1e4x", '42["room.list"]', "41", "bAQID", '44{"message":"x"}', `40${"[".repeat(100)}`]) {
    const sid = await openPolling();
    assert.equal((await raw(server, polling(sid), { method: "POST", body })).status, 200, body);
    assert.equal((await raw(server, polling(sid))).text, "1", body);
    assert.equal((await raw(server, polling(sid))).status, 400, body);
  }
  const socket = new WebSocket(`${server.url.replace("http", "ws")}/socket.io/?EIO=4&transport=websocket`);
  await new Promise((resolve) => socket.once("message", resolve));
  socket.send("4abc");
  await new Promise((resolve) => socket.once("close", resolve));
});

/** JSON of a client that a plain WebSocket answers with invalid_json, for the place of a member of params. */
const unreadable: [string, unknown][] = [
  ["a whole number beyond 64 bits", 1e20],
  ["nesting beyond 20", JSON.parse(`${"[".repeat(30)}${"]".repeat(30)}`)],
  ["NUL in a text", "a\0b"],
  ["half a surrogate pair", "a\ud800"],
];

for (const way of ["polling", "websocket"] as const)
  test(`an event that cannot be read is answered with its code, and the connection goes on: ${way}`, async () => {
    const caller = await Caller.joined(server, { transports: [way], reconnection: false, ...bearer(ann) });
    const second = caller.socket.io.socket("/second", bearer(bob));
    await until("the second namespace", () => second.connected);
    const plain = await ann.connect();
    const replies: Json[] = [];
    plain.socket.on("message", (data: Buffer) => replies.push(JSON.parse(data.toString()) as Json));
    for (const [what, more] of unreadable) {
      plain.socket.send(JSON.stringify({ id: 900, method: "room.list", params: { more } }));
      const error = (await until("the plain reply", () => replies.shift()))["error"] as Json;
      assert.deepEqual((await caller.ask("room.list", { more })).error, error, what);
      caller.socket.emit("room.list", { more }); // nobody waits for an answer: dropped
      assert.equal(((await caller.ask("room.list", { more, bytes: Buffer.from("x") })).error as Json)["code"], "invalid_json", what);
    }
    assert.ok((await caller.ask("room.list")).result);
    assert.ok(((await second.timeout(20_000).emitWithAck("room.list", {})) as Json)["result"]);
    assert.deepEqual(caller.ends, []);
    plain.close();
    second.disconnect();
    caller.close();
  });

test("an event that was cut off is no packet, joined or not", async () => {
  const sid = await openPolling();
  for (const body of [`40${JSON.stringify({ token: ann.token })}`, '420["room.list",{"more":1e999}', '420["room.list"]']) await raw(server, polling(sid), { method: "POST", body });
  await until("the end", async () => (await raw(server, polling(sid))).status === 400);
});

test("a WebSocket more than one is opened and closed; the session goes on", async () => {
  const sid = await openPolling();
  const open = () => new WebSocket(`${server.url.replace("http", "ws")}/socket.io/?EIO=4&transport=websocket&sid=${sid}`);
  const said = (socket: WebSocket) => new Promise<string>((resolve) => socket.once("message", (data: Buffer) => resolve(data.toString())));
  const first = open();
  await new Promise((resolve) => first.once("open", resolve));
  first.send("2probe");
  assert.equal(await said(first), "3probe");
  assert.equal((await raw(server, polling(sid))).text, "6", "polls end while the upgrade is under way");
  const second = open();
  await new Promise((resolve) => second.once("close", resolve));
  first.send("5");
  first.send(`40${JSON.stringify({ token: ann.token })}`);
  assert.match(await said(first), /^40\{"sid":"[^"]+"\}$/);
  assert.equal((await raw(server, polling(sid))).status, 400, "polling is over");
  const third = open();
  await new Promise((resolve) => third.once("close", resolve));
  assert.equal(first.readyState, WebSocket.OPEN);
  first.terminate();
});

describe("times", () => {
  let quick: Server;
  before(async () => {
    quick = await Server.start(["--socketio.ping_interval_ms=300", "--socketio.ping_timeout_ms=3000"]);
  });
  after(() => quick.end());

  test("who answers no ping is cut, by either way; who answers stays", async () => {
    const dora = await quick.person("dora", "owner");
    const [polls, socket] = [await Caller.joined(quick, { transports: ["polling"], ...bearer(dora) }), await Caller.joined(quick, { transports: ["websocket"], ...bearer(dora) })];
    const sid = await openPolling(quick);
    assert.equal((await raw(quick, polling(sid), { method: "POST", body: `40${JSON.stringify({ token: dora.token })}` })).status, 200);
    let seen = "";
    await until("the end", async () => {
      const { status, text } = await raw(quick, polling(sid));
      if (status === 200) seen += `${text}\x1e`;
      return status === 400;
    });
    assert.ok(seen.split("\x1e").includes("2"), "it was pinged");
    const silent = new WebSocket(`${quick.url.replace("http", "ws")}/socket.io/?EIO=4&transport=websocket`);
    silent.on("open", () => silent.send(`40${JSON.stringify({ token: dora.token })}`));
    await new Promise((resolve) => silent.once("close", resolve));
    for (const caller of [polls, socket]) {
      assert.deepEqual(caller.ends, []);
      assert.ok((await caller.ask("room.list")).result);
      caller.close();
    }
  });

  /* Its pings are too rare to end anything. */
  test("who joins no namespace is closed, and who opens a WebSocket and does not go over loses it", async () => {
    const patient = await Server.start(["--socketio.connect_timeout_ms=2000", "--socketio.upgrade_timeout_ms=200"]);
    try {
      const sid = await openPolling(patient);
      const probe = new WebSocket(`${patient.url.replace("http", "ws")}/socket.io/?EIO=4&transport=websocket&sid=${sid}`);
      await new Promise((resolve) => probe.once("close", resolve));
      assert.equal((await raw(patient, polling(sid))).text, "1");
      assert.equal((await raw(patient, polling(sid))).status, 400);
      const early = await openPolling(patient);
      assert.equal((await raw(patient, polling(early), { method: "POST", body: "40{}" })).status, 200);
      assert.match((await raw(patient, polling(early))).text, /^44\{"message":"Sign in first"/);
      assert.equal((await raw(patient, polling(early))).text, "1", "a refusal gives no more time");
    } finally {
      await patient.end();
    }
  });
});

test("who is disabled hears why, is out within a second, and is not let in again", async () => {
  for (const transports of [["polling"], ["websocket"]] as const) {
    const name = `cleo-${transports[0]}`;
    const cleo = await server.person(name);
    const caller = await Caller.joined(server, { transports: [...transports], ...bearer(cleo) });
    const before = Date.now();
    await server.cli("user", "disable", name);
    await until("the end", () => caller.ends.length > 0);
    assert.ok(Date.now() - before < 1500);
    assert.equal(caller.ends[0], "io server disconnect");
    assert.equal(caller.events.at(-1)?.event, "session.closed");
    assert.equal(caller.events.at(-1)?.data["code"], 4500);
    caller.socket.connect();
    await until("the refusal", () => caller.errors[0]);
    assert.equal(caller.errors[0]?.data?.["code"], "invalid_token");
    caller.close();
  }
});

test("who signs out by a socket hears that it worked", async () => {
  const made = await ask(server, "POST", "/session", { body: { login: "bob", password: "correct horse", token: true } });
  const caller = await Caller.joined(server, { auth: { token: made.body["token"] } });
  assert.ok((await caller.ask("session.delete")).result);
  await until("the end", () => caller.ends.length > 0);
  caller.close();
});

test("a server that stops lets its clients go, and they come back with their state", async () => {
  const other = await Server.start(["--loops=2"]);
  try {
    const dora = await other.person("dora", "owner");
    const callers = await Promise.all([["polling"], ["websocket"]].map((transports) => Caller.joined(other, { transports: transports, ...bearer(dora, { recovery: true }) })));
    await openPolling(other);
    assert.equal(await other.stop(), 0);
    await other.run();
    for (const caller of callers) {
      await until("it is back", () => caller.starts.length === 2);
      assert.equal(caller.socket.recovered, true);
      caller.close();
    }
  } finally {
    await other.end();
  }
});

test("a client that polls no more costs no more than its queue, and recovers what it missed", async () => {
  const small = await Server.start(["--net.queue_bytes=65536", "--realtime.resume_max_events=100000", "--socketio.ping_timeout_ms=60000"]);
  try {
    const dora = await small.person("dora", "owner");
    const room = await dora.room("general");
    const sid = await openPolling(small);
    assert.equal((await raw(small, polling(sid), { method: "POST", body: `40${JSON.stringify({ token: dora.token, recovery: true })}` })).status, 200);
    let seen = "";
    await until("the beginning", async () => (seen += (await raw(small, polling(sid))).text).includes("session.started"));
    const client = await dora.connect();
    const total = 400;
    for (let count = 0; count < total; count += 10) await Promise.all(Array.from({ length: 10 }, (_, index) => client.send(room, `${String(count + index)} ${"x".repeat(2000)}`)));
    const { text } = await raw(small, polling(sid));
    assert.ok(text.length < 3 * 65536, String(text.length));
    assert.match(text, /"session\.closed".*"code":4001/);
    assert.equal((await raw(small, polling(sid))).text, "1");
    const offset = [...(seen + text).matchAll(/,"([^"]+:[^"]+:[^"]+)"\]/g)].at(-1)?.[1] ?? "";
    const again = await Caller.joined(small, { transports: ["polling"], ...bearer(dora, { cursor: offset }) });
    await until("the rest", () => again.texts().at(-1)?.startsWith(String(total - 1)));
    const numbers = again.texts().map((one) => Number(one.split(" ")[0]));
    assert.deepEqual(numbers, Array.from({ length: numbers.length }, (_, index) => total - numbers.length + index));
    again.close();
    client.close();
  } finally {
    await small.end();
  }
});

test("a client that asks and asks and never polls is cut", async () => {
  const small = await Server.start(["--net.queue_bytes=4096"]);
  try {
    const dora = await small.person("dora", "owner");
    const sid = await openPolling(small);
    assert.equal((await raw(small, polling(sid), { method: "POST", body: `40${JSON.stringify({ token: dora.token })}` })).status, 200);
    await until("the beginning", async () => (await raw(small, polling(sid))).text.includes("session.started"));
    const body = Array.from({ length: 100 }, () => "40/nowhere").join("\x1e");
    await until("the end", async () => (await raw(small, polling(sid), { method: "POST", body })).status === 400);
  } finally {
    await small.end();
  }
});

/* The ping finds the queue too long: with the session ends its timer. What lay where the session was is used again. */
test("a client that is cut at its ping leaves nothing behind", async () => {
  const small = await Server.start(["--net.queue_bytes=4096", "--socketio.ping_interval_ms=4000", "--socketio.ping_timeout_ms=200"]);
  const engines = async (person: Person) => /^parley_engines (\d+)$/m.exec(await (await fetch(`${small.url}/metrics`, { headers: { authorization: `Bearer ${person.token}` } })).text())?.[1];
  try {
    const dora = await small.person("dora", "owner");
    const refused = "40/nowhere";
    const first = await openPolling(small);
    let most = -1; /* with so many answers waiting the next one ends it */
    while ((await raw(small, polling(first), { method: "POST", body: refused })).status === 200) most++;
    const refusals = Array.from({ length: most }, () => refused).join("\x1e");
    const sid = await openPolling(small);
    assert.equal((await raw(small, polling(sid), { method: "POST", body: refusals })).status, 200);
    await until("the ping", async () => (await raw(small, polling(sid), { method: "POST", body: "3" })).status === 400);
    for (let count = 0; count < 20; count++) await openPolling(small);
    await until("the end of all", async () => (await engines(dora)) === "0");
  } finally {
    await small.end();
  }
});

test("who signs in takes nothing of the address's share, by joining however often", async () => {
  const names = ["/a", "/b", "/c", "/d", "/e", "/f", "/g", "/h"];
  const strict = await Server.start(["--limits.rate=on", "--limits.address_rate=1", "--limits.address_burst=4", `--socketio.namespaces=${names.join(",")}`]);
  try {
    const eve = await strict.person("eve", "owner");
    const main = await Caller.joined(strict, { auth: { token: eve.token }, transports: ["websocket"] });
    for (const name of names) {
      const other = main.socket.io.socket(name, { auth: { token: eve.token } });
      let refused = "";
      other.on("connect_error", (error) => (refused = error.message));
      other.connect();
      await until(`${name} joined`, () => other.connected || refused !== "");
      assert.equal(refused, "", name);
    }
    main.socket.io.reconnection(false);
    main.socket.io.engine.close();
  } finally {
    await strict.end();
  }
});

test("handshakes and refused joins of strangers are counted by address", async () => {
  const strict = await Server.start(["--limits.rate=on", "--limits.address_rate=1", "--limits.address_burst=4"]);
  try {
    const sid = await openPolling(strict);
    for (const nonsense of ["a", "b"]) {
      assert.equal((await raw(strict, polling(sid), { method: "POST", body: `40${JSON.stringify({ token: nonsense })}` })).status, 200);
      assert.match((await raw(strict, polling(sid))).text, /^44/);
    }
    await until("a refusal", async () => (await raw(strict, "EIO=4&transport=polling")).status === 429);
    assert.equal((await raw(strict, polling(sid), { method: "POST", body: "40{}" })).status, 200);
    assert.match((await raw(strict, polling(sid))).text, /"code":"rate_limited"/);
  } finally {
    await strict.end();
  }
});
