/* permessage-deflate (RFC 7692) through the client `ws`, in the sets of parameters that it offers, and by hand where no
 * client would do it. The conformance server takes every offer; the product's defaults come after it. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { after, before, test } from "node:test";
import { constants, deflateRawSync, inflateRawSync } from "node:zlib";
import { WebSocket, type PerMessageDeflateOptions } from "ws";
import { Echo } from "./echo.ts";
import { Client, Server, until, type Json, type MessageJson, type Person } from "./harness.ts";
import { frame, Line, opcodes, RawSocket } from "./raw.ts";

const rsv1 = 0x40;
const tail = Buffer.from([0, 0, 0xff, 0xff]);
const limit_bytes = 65536;
const wait_ms = 20_000;
const membersWhoShare = 40;

/** The payload of a compressed message that stands alone. */
function deflated(text: string | Buffer): Buffer {
  return deflateRawSync(text, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -tail.length);
}

const inflated = (payload: Buffer): Buffer => inflateRawSync(Buffer.concat([payload, tail]), { finishFlush: constants.Z_SYNC_FLUSH });

/* ---- every set of parameters ---- */

let echo: Echo;
let server: Server;
let ann: Person;
let general: string;

before(async () => {
  echo = await Echo.start(["--server-takeover", "1"]);
  server = await Server.start(["--loops=1", `--ws.max_message_bytes=${String(limit_bytes)}`]);
  ann = await server.person("ann", "owner");
  general = await ann.room("general");
  for (const room of ["one", "two", "three"]) await ann.makeRoom(room); // the list of rooms is worth compressing
});
after(async () => {
  assert.equal(await echo.stop(), 0);
  assert.equal(await server.doctor(), "");
  await server.end();
});

/** A client that compresses all it sends, and what the server answered to its offer. */
async function openEcho(perMessageDeflate: PerMessageDeflateOptions): Promise<[WebSocket, string]> {
  const socket = new WebSocket(`${echo.url.replace("http", "ws")}/echo`, { perMessageDeflate: { threshold: 0, ...perMessageDeflate } });
  const upgraded = once(socket, "upgrade"); // "open" follows at once
  await once(socket, "open");
  const [response] = (await upgraded) as [IncomingMessage];
  return [socket, String(response.headers["sec-websocket-extensions"] ?? "")];
}

const lines = Array.from({ length: 400 }, (_, at) => JSON.stringify({ event: "message.created", seq: at, text: `the text of ${String(at * at)}` })).join("\n");
const messages: (string | Buffer)[] = ["", "a", lines, lines, "ünïcode 😀".repeat(50), Buffer.alloc(0), randomBytes(5000), Buffer.alloc(300_000, "abc"), randomBytes(70_000), lines];

const name = "permessage-deflate";
const sets: [string, PerMessageDeflateOptions, string][] = [
  ["no wish", {}, `${name}; client_max_window_bits=15`],
  ["no context of the server", { serverNoContextTakeover: true }, `${name}; server_no_context_takeover; client_max_window_bits=15`],
  ["no context of the client", { clientNoContextTakeover: true }, `${name}; client_no_context_takeover; client_max_window_bits=15`],
  ["no context at all", { clientNoContextTakeover: true, serverNoContextTakeover: true }, `${name}; server_no_context_takeover; client_no_context_takeover; client_max_window_bits=15`],
  ...[9, 10, 11, 12, 13, 14, 15].map((bits): [string, PerMessageDeflateOptions, string] => [
    `windows of ${String(bits)} bits`,
    { serverMaxWindowBits: bits, clientMaxWindowBits: bits },
    `${name}; server_max_window_bits=${String(bits)}; client_max_window_bits=${String(bits)}`,
  ]),
  ["small windows, no context", { serverMaxWindowBits: 9, clientMaxWindowBits: 9, serverNoContextTakeover: true, clientNoContextTakeover: true }, `${name}; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=9; client_max_window_bits=9`],
  ["a client's window of 8 bits", { clientMaxWindowBits: 8 }, `${name}; client_max_window_bits=8`],
  ["a server's window of 8 bits, which is declined", { serverMaxWindowBits: 8 }, ""],
];

for (const [what, options, wanted] of sets)
  test(`messages come back as they came: ${what}`, async () => {
    const [socket, agreed] = await openEcho(options);
    assert.equal(agreed, wanted);
    for (const sent of messages) {
      socket.send(sent);
      const [data, isBinary] = (await once(socket, "message", { signal: AbortSignal.timeout(wait_ms) })) as [Buffer, boolean];
      assert.equal(isBinary, Buffer.isBuffer(sent));
      assert.ok(data.equals(Buffer.from(sent)));
    }
    socket.close();
    await once(socket, "close");
  });

test("a message in fragments comes back whole, and many at once in their order", async () => {
  const [socket] = await openEcho({});
  const got: string[] = [];
  socket.on("message", (data: Buffer) => got.push(data.toString()));
  for (let at = 0; at < lines.length; at += 1000) socket.send(lines.slice(at, at + 1000), { fin: at + 1000 >= lines.length });
  for (let at = 0; at < 500; at++) socket.send(`message ${String(at)} of many`);
  await until("all of them", () => got.length === 501);
  assert.equal(got[0], lines);
  got.slice(1).forEach((text, at) => assert.equal(text, `message ${String(at)} of many`));
  socket.terminate();
});

test("the handshake with a malformed list of extensions is refused", async () => {
  for (const header of ["permessage-deflate;", "permessage-deflate; server_max_window_bits=", "a b", ""]) {
    const line = await Line.open(echo.url);
    line.write(`GET /echo HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${Buffer.alloc(16).toString("base64")}\r\nSec-WebSocket-Extensions: ${header}\r\n\r\n`);
    assert.equal(await until("an answer", () => line.statuses[0]), 400, header);
    line.close();
  }
});

/* ---- the product ---- */

const offers = (offer: string): string[] => [`Sec-WebSocket-Extensions: ${offer}`];

function answered(socket: RawSocket): string {
  return /Sec-WebSocket-Extensions: (.*)\r\n/.exec(socket.line.text)?.[1] ?? "";
}

test("by default no context is kept, and offers are tried in their order", async () => {
  const none = `${name}; server_no_context_takeover; client_no_context_takeover`;
  const cases: [string[], string][] = [
    [offers(name), none],
    [offers(`${name}; client_max_window_bits`), `${none}; client_max_window_bits=12`],
    [offers(`${name}; server_max_window_bits="10"`), `${none}; server_max_window_bits=10`],
    [offers(`${name}; server_max_window_bits=8, ${name}; server_max_window_bits=15`), `${none}; server_max_window_bits=12`],
    [[...offers(`x-other, ${name}; unknown=1`), ...offers(name)], none],
    [offers(`${name}; server_max_window_bits=8`), ""],
    [[], ""],
  ];
  for (const [headers, wanted] of cases) {
    const socket = await RawSocket.open(server, ann.token, headers);
    assert.equal(answered(socket), wanted, headers.join());
    socket.line.close();
  }
});

/** A compressed message of the client, in one frame. */
const compressed = (payload: Buffer): Buffer => frame(opcodes.text, payload, { first: 0x80 | rsv1 | opcodes.text });

const request = (id: number, method: string): string => JSON.stringify({ id, method, params: {} });

test("long replies are compressed, each alone; short ones are not", async () => {
  const socket = await RawSocket.open(server, ann.token, offers(name));
  for (const id of [1, 2]) {
    socket.send(compressed(deflated(request(id, "room.list"))));
    const long = await socket.next();
    assert.ok(long.compressed);
    const reply = JSON.parse(inflated(long.payload).toString()) as { id: number; result: { rooms: Json[] } };
    assert.equal(reply.id, id);
    assert.equal(reply.result.rooms[0]?.["name"], "general");
  }
  socket.send(frame(opcodes.text, request(3, "no.such")));
  const short = await socket.next();
  assert.ok(!short.compressed);
  assert.equal((JSON.parse(short.payload.toString()) as Json)["id"], 3);
  socket.line.close();
});

const refused: [string, number, Buffer[]][] = [
  ["the bit without an agreement", 1002, []],
  ["the bit on a continuation", 1002, [frame(opcodes.text, deflated("{"), { first: rsv1 | opcodes.text }), frame(0, "", { first: 0x80 | rsv1 })]],
  ["the bit on a ping", 1002, [frame(opcodes.ping, "", { first: 0x80 | rsv1 | opcodes.ping })]],
  ["what is no deflated data", 1002, [compressed(Buffer.from("{}"))]],
  ["data that breaks off", 1002, [compressed(deflated(lines).subarray(0, 100))]],
  ["a reference to the message before, where contexts are not kept", 1002, [compressed(deflated(request(1, "room.list"))), compressed(Buffer.from([0xf2, 0x00, 0x11, 0x00, 0x00]))]],
  ["a text that is no UTF-8", 1007, [compressed(deflated(Buffer.from([0x7b, 0xff])))]],
  ["a byte more than a message may have", 1009, [compressed(deflated(" ".repeat(limit_bytes + 1)))]],
];
for (const [what, code, frames] of refused)
  test(`${what} closes with ${String(code)}`, async () => {
    const socket = await RawSocket.open(server, ann.token, frames.length > 0 ? offers(name) : []);
    socket.send(...(frames.length > 0 ? frames : [compressed(deflated("{}"))]));
    assert.equal(await socket.closeCode(), code);
  });

/** What the server has in memory now. */
async function residentBytes(of: Server): Promise<number> {
  return Number(/VmRSS:\s+(\d+) kB/.exec(await readFile(`/proc/${String(of.pid)}/status`, "utf8"))?.[1]) * 1024;
}

test("a bomb takes no more memory than a message may, and is refused", async () => {
  const bombs = 40;
  const slack_bytes = 16 * 1024 * 1024; // a thousandth of what the bombs would be
  const bomb = deflated(Buffer.alloc(64 * 1024 * 1024));
  assert.ok(bomb.length <= 2 * limit_bytes);
  const before = await residentBytes(server);
  const sockets = await Promise.all(Array.from({ length: bombs }, () => RawSocket.open(server, ann.token, offers(name))));
  /* all but a byte, so that none is over; then the rest */
  const whole = Array.from({ length: Math.ceil(bomb.length / 60_000) }, (_, at) =>
    frame(at === 0 ? opcodes.text : opcodes.continuation, bomb.subarray(at * 60_000, (at + 1) * 60_000), { first: at === 0 ? rsv1 | opcodes.text : opcodes.continuation }),
  );
  for (const socket of sockets) socket.send(...whole);
  for (const code of await Promise.all(sockets.map((socket) => socket.closeCode()))) assert.equal(code, 1009);
  const growth = (await residentBytes(server)) - before;
  assert.ok(growth < slack_bytes, `grew by ${String(growth)} bytes`);
});

/* ---- for all members at once ---- */

async function metric(what: string): Promise<number> {
  const response = await fetch(`${server.url}/metrics`, { headers: { authorization: `Bearer ${ann.token}` } });
  return Number(new RegExp(`^${what} (\\d+)$`, "m").exec(await response.text())?.[1]);
}
const packets = (): Promise<number> => metric("parley_deflate_packets_total");
const deliveries = (): Promise<number> => metric("parley_deflate_deliveries_total");

/** Sockets of one person, started; what each of them agreed on differs with `options`. */
function members(options: (at: number) => false | PerMessageDeflateOptions): Promise<Client[]> {
  return Promise.all(
    Array.from({ length: membersWhoShare }, async (_, at) => {
      const client = await Client.open(server, ann.token, {}, options(at));
      await client.start();
      return client;
    }),
  );
}

const has = (text: string) => (client: Client): boolean => client.texts().includes(text);

test("a long event is compressed once for all who read that form; all get it, in order with short ones", async () => {
  /* a quarter reads no compressed frames, a quarter has a smaller window: both get it as it is */
  const kinds: (false | PerMessageDeflateOptions)[] = [{}, false, { serverNoContextTakeover: true, clientNoContextTakeover: true }, { serverMaxWindowBits: 9 }];
  const clients = await members((at) => kinds[at % kinds.length] ?? false);
  const [packetsBefore, deliveriesBefore] = [await packets(), await deliveries()];
  const texts = Array.from({ length: 10 }, (_, at) => (at % 2 ? `short ${String(at)}` : `${String(at)} ${"a longer text, and so on, ".repeat(60 + at)}`));
  for (const text of texts) assert.equal((await ann.send(general, text)).status, 201);
  await until("the last text everywhere", () => clients.every(has(texts.at(-1) ?? "")));
  for (const client of clients) assert.deepEqual(client.texts(), texts);
  assert.equal((await packets()) - packetsBefore, 5);
  assert.equal((await deliveries()) - deliveriesBefore, (5 * membersWhoShare) / 2);
  for (const client of clients) client.close();
});

test("a small room costs no compressing", async () => {
  const few = 5;
  const sessionsBefore = await metric("parley_sessions");
  const clients = await members(() => ({}));
  for (const client of clients.splice(few)) client.close();
  await until("the others to be gone", async () => (await metric("parley_sessions")) === sessionsBefore + few);
  const packetsBefore = await packets();
  await ann.send(general, `${"long enough ".repeat(100)}in a small room`);
  await until("the text", () => clients.every((client) => client.texts().length === 1));
  assert.equal(await packets(), packetsBefore);
  for (const client of clients) client.close();
});

test("deleted text is in no form of it for those who come back", async () => {
  const canary = `canary ${randomBytes(8).toString("hex")} `;
  const clients = await members(() => ({}));
  const cursor = clients[0]?.cursor ?? "";
  const { body } = await ann.send(general, canary.repeat(60));
  const { id } = body["message"] as MessageJson;
  await until("the text everywhere", () => clients.every((client) => client.texts().length === 1));
  assert.equal((await ann.ask("DELETE", `/rooms/${general}/messages/${id}`)).status, 200);
  await until("the deleting everywhere", () => clients.every((client) => client.events.some((one) => one.event === "message.deleted")));
  const late = await Promise.all(Array.from({ length: membersWhoShare }, () => Client.open(server, ann.token, {}, {})));
  await Promise.all(late.map((client) => client.start(cursor)));
  await until("the deleting", () => late.every((client) => client.events.some((one) => one.event === "message.deleted")));
  for (const client of late) assert.ok(!JSON.stringify(client.events).includes(canary));
  for (const client of [...clients, ...late]) client.close();
});

/* ---- where contexts are kept ---- */

test("with ws.deflate_takeover=both replies get shorter, also when shared frames go between", async () => {
  const keeping = await Server.start(["--loops=1", "--ws.deflate_takeover=both", "--ws.deflate_min_bytes=64"]);
  const bob = await keeping.person("bob", "owner");
  const room = await bob.room("general");
  const clients = await Promise.all(Array.from({ length: membersWhoShare }, () => Client.open(keeping, bob.token, {}, { threshold: 0 })));
  for (const client of clients) await client.start();
  const raw = await RawSocket.open(keeping, bob.token, offers(name));
  assert.equal(answered(raw), name);
  const lengths: number[] = [];
  for (const id of [1, 2]) {
    raw.send(compressed(deflated(request(id, "room.list"))));
    lengths.push((await raw.next()).payload.length);
  }
  assert.ok((lengths[1] ?? 0) < (lengths[0] ?? 0) / 3, lengths.join());
  raw.line.close();
  for (let round = 0; round < 5; round++) {
    const rooms = await Promise.all(clients.map((client) => client.result("room.list")));
    for (const reply of rooms) assert.equal((reply["rooms"] as Json[])[0]?.["name"], "general");
    const text = `round ${String(round)}: ${"the same words once more ".repeat(20)}`;
    await clients[round]?.send(room, text);
    await until("the text everywhere", () => clients.every(has(text)));
  }
  for (const client of clients) client.close();
  await keeping.end();
});

test("with ws.deflate=off nothing is agreed on", async () => {
  const plain = await Server.start(["--ws.deflate=off"]);
  const bob = await plain.person("bob", "owner");
  const socket = await RawSocket.open(plain, bob.token, offers(name));
  assert.equal(answered(socket), "");
  socket.send(compressed(deflated("{}")));
  assert.equal(await socket.closeCode(), 1002);
  await plain.end();
});
