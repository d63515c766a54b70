/* Socket.IO at /socket.io/: operations and events, joins and namespaces, limits and recovery, over polling, WebSocket and the
 * upgrade between them, on two loops. How clients come and go is in socketio.test.ts. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { io, type ManagerOptions } from "socket.io-client";
import { WebSocket } from "ws";
import { Echo } from "./echo.ts";
import { Server, until, type EventJson, type Json, type MessageJson, type Person } from "./harness.ts";
import { bearer, Caller, openPolling, polling, raw, withoutKeepAlive } from "./socketio.ts";

let server: Server;
let ann: Person;
let bob: Person;
let general: string;

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

/** JSON of a client that a plain WebSocket answers with invalid_json, for the place of a member of params. */
const unreadable: [string, unknown][] = [
  ["a whole number beyond 64 bits", 1e20],
  ["nesting beyond 16", JSON.parse(`${"[".repeat(30)}${"]".repeat(30)}`)],
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

/* The library gives up for good after a CONNECT_ERROR: what will pass must not be told by one. */
describe("a join over the person's limit of starts", () => {
  const limited = (more: string[]) => Server.start(["--loops=2", "--limits.rate=on", "--socketio.namespaces=/second", ...more]);
  const clients = 8;

  for (const [way, options] of ways)
    test(`waits until there is room, new or with a state to recover: ${way}`, async () => {
      const strict = await limited(["--limits.state_rate=240", "--limits.state_burst=4"]);
      try {
        const dora = await strict.person("dora", "owner");
        const callers = Array.from({ length: clients }, () => new Caller(strict, { ...options, ...bearer(dora, { recovery: true }) }));
        for (const starts of [1, 2]) {
          for (const caller of callers) {
            await until(`start ${String(starts)}`, () => caller.starts.length === starts);
            assert.deepEqual(caller.errors, []);
          }
          if (starts === 1) for (const caller of callers) caller.socket.io.engine.close();
        }
        assert.ok(callers.every((caller) => caller.socket.recovered));
        for (const caller of callers) caller.close();
      } finally {
        await strict.end();
      }
    });

  test("takes nothing of what else the person may ask for", async () => {
    const strict = await limited(["--limits.state_rate=60", "--limits.state_burst=1", "--limits.person_rate=1", "--limits.person_burst=20"]);
    try {
      const dora = await strict.person("dora", "owner");
      const first = await Caller.joined(strict, { transports: ["websocket"], ...bearer(dora) });
      const others = Array.from({ length: 5 }, () => new Caller(strict, { transports: ["websocket"], ...bearer(dora) }));
      await until("two of them", () => others.filter((other) => other.starts.length === 1).length >= 2);
      for (let count = 0; count < 10; count++) assert.ok((await first.ask("room.list")).result);
      for (const caller of [first, ...others]) caller.close();
    } finally {
      await strict.end();
    }
  });

  test("ends with its connection after a while, upon which the library comes again; with other namespaces there it is refused", async () => {
    const strict = await limited(["--limits.state_rate=1", "--limits.state_burst=1"]);
    try {
      const dora = await strict.person("dora", "owner");
      const main = await Caller.joined(strict, bearer(dora));
      const second = main.socket.io.socket("/second", bearer(dora));
      const refusals: Json[] = [];
      second.on("connect_error", (error) => refusals.push((error as Error & { data: Json }).data));
      const alone = new Caller(strict, bearer(dora));
      let opens = 0;
      alone.socket.io.on("open", () => opens++);
      await until("it comes again", () => opens >= 2);
      assert.equal(alone.socket.active, true);
      assert.deepEqual(alone.errors, []);
      const refusal = await until("the refusal", () => refusals[0]);
      assert.equal(refusal["code"], "rate_limited");
      assert.ok((refusal["retry_after"] as number) > 1);
      assert.deepEqual(main.ends, []);
      assert.ok((await main.ask("room.list")).result);
      for (const caller of [main, alone]) caller.close();
    } finally {
      await strict.end();
    }
  });
});
