/* What is not understood gets its documented code, the connection goes on where it may, and nothing is written. */
import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { ask, Server, until, type Json, type MessageJson, type Person } from "./harness.ts";
import { frame, Line, opcodes, RawSocket } from "./raw.ts";

const max_message_bytes = 65536;

let server: Server;
let ann: Person;
let general: string;
let message: string;
let cursor: unknown;

const headOfLog = async (): Promise<unknown> => (await ann.ask("GET", "/state")).body["cursor"];

before(async () => {
  server = await Server.start(["--net.close_timeout_ms=500"]);
  ann = await server.person("ann", "owner");
  general = await ann.room("general");
  message = ((await ann.send(general, "the only message")).body["message"] as MessageJson).id;
});
beforeEach(async () => {
  cursor = await headOfLog();
});
/* Whatever was sent: no event, no message, no room more than before. */
afterEach(async () => {
  assert.equal(await headOfLog(), cursor);
  assert.deepEqual((await ann.history(general)).map((one) => one.text), ["the only message"]);
  assert.deepEqual((await ann.rooms()).map((one) => one["name"]), ["general"]);
});
after(async () => {
  assert.equal(await server.doctor(), "");
  await server.end();
});

/* ---- values ---- */

/** Parameters of message.send that are refused, with code and field. */
const values: [string, Json, string, string][] = [
  ["a text that is a number", { text: 7 }, "invalid_field", "text"],
  ["a text that is a list", { text: ["a"] }, "invalid_field", "text"],
  ["a text that is an object", { text: { a: 1 } }, "invalid_field", "text"],
  ["a text that is a truth", { text: true }, "invalid_field", "text"],
  ["no text", {}, "missing_field", "text"],
  ["a text that is null", { text: null }, "missing_field", "text"],
  ["an empty text", { text: "" }, "invalid_field", "text"],
  ["a text too long by one", { text: "x".repeat(4001) }, "invalid_field", "text"],
  ["a text too long in characters of four bytes", { text: "😀".repeat(4001) }, "invalid_field", "text"],
  ["a text with a control character", { text: "a\u0007b" }, "invalid_field", "text"],
  ["a nonce that is a number", { text: "a", nonce: 7 }, "invalid_field", "nonce"],
  ["an empty nonce", { text: "a", nonce: "" }, "invalid_field", "nonce"],
  ["a nonce too long by one", { text: "a", nonce: "n".repeat(65) }, "invalid_field", "nonce"],
  ["a nonce beyond ASCII", { text: "a", nonce: "ñ" }, "invalid_field", "nonce"],
];

for (const [what, params, code, field] of values)
  test(`refused alike by REST and WebSocket: ${what}`, async () => {
    const body = { nonce: "n", ...params };
    const { status, body: problem } = await ann.ask("POST", `/rooms/${general}/messages`, body);
    assert.deepEqual([status, problem["code"], problem["field"]], [400, code, field]);
    const client = await ann.connect();
    const error = (await client.ask("message.send", { room: general, ...body }))["error"] as Json;
    assert.deepEqual([error["code"], error["field"]], [code, field]);
    assert.equal(await client.code("user.me"), "ok");
    client.close();
  });

test("ids that are none, and things that are not there", async () => {
  const client = await ann.connect();
  for (const bad of ["x", "", "7", general.slice(1), `${general}0`, general.replaceAll("-", "_"), "../../etc/passwd", " ".repeat(36), "🙂"]) {
    const { status, body } = await ann.ask("GET", `/rooms/${encodeURIComponent(bad)}/messages`);
    assert.ok((status === 400 && body["code"] === "invalid_field") || (status === 404 && body["code"] === "unknown_operation"), `${bad} ${JSON.stringify(body)}`);
    assert.equal(await client.code("message.list", { room: bad }), "invalid_field", bad);
    assert.equal(await client.code("message.edit", { room: general, message: bad, text: "x" }), "invalid_field", bad);
  }
  for (const bad of [7, null, true, [general], { id: general }]) assert.ok(["invalid_field", "missing_field"].includes(await client.code("message.list", { room: bad })));
  const nowhere = crypto.randomUUID();
  assert.equal(await client.code("message.send", { room: nowhere, text: "x", nonce: "n" }), "not_found");
  assert.equal(await client.code("message.delete", { room: general, message: nowhere }), "not_found");
  assert.equal(await client.code("message.delete", { room: nowhere, message }), "not_found");
  assert.equal(await client.code("user.get", { user: nowhere }), "not_found");
  client.close();
});

test("numbers and cursors of pages that are none", async () => {
  for (const limit of ["0", "-1", "101", "1.5", "1e1", "x", "", "99999999999999999999", "0x10", "+5"])
    assert.equal((await ann.ask("GET", `/rooms/${general}/messages?limit=${limit}`)).body["code"], "invalid_field", limit);
  for (const before of ["x", "-1", "a:b", "%00", "999999999999999999999999"]) {
    const { status, body } = await ann.ask("GET", `/rooms/${general}/messages?before=${before}`);
    assert.equal(status, 400, before);
    assert.ok(["invalid_cursor", "invalid_field"].includes(body["code"] as string), before);
  }
  for (const query of ["limit=%", "limit=%2", "limit=%zz", "%zz=1"])
    assert.equal((await ann.ask("GET", `/rooms/${general}/messages?${query}`)).body["code"], "invalid_request", query);
  const client = await ann.connect();
  for (const limit of [0, -1, 101, 1.5, "5", true, 1e30]) assert.equal(await client.code("message.list", { room: general, limit }), "invalid_field", String(limit));
  client.close();
});

/* ---- JSON ---- */

const deep = (depth: number): string => `{"a":${"[".repeat(depth)}${"]".repeat(depth)}}`;

/** Bytes that are no JSON, or none that is believed. JSON that is no object: json_rule.test.ts. */
const noJson: [string, string][] = [
  ["an open brace", "{"],
  ["spaces", "   "],
  ["something behind the end", '{"text":"a","nonce":"n"}x'],
  ["two objects", '{"text":"a","nonce":"n"}{}'],
  ["a comma at the end", '{"text":"a","nonce":"n",}'],
  ["single quotes", "{'text':'a'}"],
  ["names without quotes", '{text:"a"}'],
  ["a comment", '{"text":"a","nonce":"n"/* */}'],
  ["NaN", '{"text":NaN}'],
  ["a number with a leading zero", '{"text":01}'],
  ["a number beyond all", '{"a":1e999,"text":"a","nonce":"n"}'],
  ["a whole number beyond 64 bits", '{"a":99999999999999999999,"text":"a","nonce":"n"}'],
  ["a key twice", '{"text":"a","nonce":"n","text":"b"}'],
  ["a key twice, deep inside", '{"text":"a","nonce":"n","more":{"a":1,"a":2}}'],
  ["a key twice, once escaped", '{"text":"a","nonce":"n","te\\u0078t":"b"}'],
  ["lists too deep", deep(20)],
  ["lists very deep", deep(20_000)],
  ["NUL in a text", '{"text":"a\\u0000b","nonce":"n"}'],
  ["half a surrogate pair", '{"text":"\\ud800","nonce":"n"}'],
  ["a bare line end in a string", '{"text":"a\nb","nonce":"n"}'],
  ["an unknown escape", '{"text":"\\x41","nonce":"n"}'],
  ["a byte order mark", '\ufeff{"text":"a","nonce":"n"}'],
];

for (const [what, text] of noJson)
  test(`no JSON, by REST and WebSocket: ${what}`, async () => {
    const { status, body } = await ann.ask("POST", `/rooms/${general}/messages`, text);
    assert.deepEqual([status, body["code"]], [400, "invalid_json"]);
    const client = await ann.connect();
    const replies: Json[] = [];
    client.socket.on("message", (data: Buffer) => replies.push(JSON.parse(data.toString()) as Json));
    client.socket.send(text);
    assert.equal(await client.code("user.me"), "ok");
    assert.equal((replies[0]?.["error"] as Json)["code"], "invalid_json");
    client.close();
  });

/** The text of a message in bytes that are no UTF-8: overlong, a surrogate, beyond Unicode, cut short, alone. */
const noUtf8 = ["\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82", "\x80", "\xff", "\xf8\x88\x80\x80\x80"];

test("bytes that are no UTF-8 are no JSON over REST, in values, names and addresses", async () => {
  const { host } = new URL(server.url);
  const line = await Line.open(server.url);
  for (const [at, bytes] of noUtf8.entries()) {
    const body = `{"nonce":"n","text":"a${bytes}b"}`;
    line.write(
      `POST /api/v1/rooms/${general}/messages HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${ann.token}\r\nContent-Type: application/json\r\nContent-Length: ${String(body.length)}\r\n\r\n${body}`,
    );
    await until("the answer", () => line.statuses.length === at + 1 && line.text.endsWith("}"));
    assert.equal(line.statuses[at], 400);
    assert.equal([...line.text.matchAll(/"invalid_json"/g)].length, at + 1);
  }
  line.close();
  for (const bytes of ["%c0%af", "%ed%a0%80", "%ff"]) assert.equal((await ann.ask("GET", `/users?query=${bytes}`)).body["code"], "invalid_field", bytes);
});

/* ---- operations, types of bodies ---- */

test("operations and addresses that are not there", async () => {
  for (const path of ["", "/", "/nothing", "/rooms/x/y/z/w", `/rooms/${general}/nothing`, "/me/", "//me", "/ME"]) {
    const { status, body } = await ann.ask("GET", `/api/v1${path}`);
    assert.deepEqual([status, body["code"]], [404, "unknown_operation"], path);
  }
  const client = await ann.connect();
  for (const method of ["", "no.such", "message", "message.", "message.send ", "MESSAGE.SEND", "constructor", "x".repeat(10_000)]) assert.equal(await client.code(method, {}), "unknown_operation", method.slice(0, 40));
  client.close();
});

test("what is the operator's alone, or REST's, is not there on a socket, nor over REST, for an owner either", async () => {
  const others: [string, Json][] = [
    ["user.add", { name: "eve", role: "owner", password: "correct horse" }],
    ["user.passwd", { name: "ann", password: "stolen horse" }],
    ["user.role", { name: "ann", role: "guest" }],
    ["user.disable", { name: "ann" }],
    ["token.create", { user: "ann" }],
    ["owner.link", {}],
    ["doctor.run", {}],
    ["backup.create", { file: "/tmp/never" }],
    ["session.create", { login: "ann", password: "correct horse" }],
  ];
  const client = await ann.connect();
  for (const [name, params] of others) {
    assert.equal(await client.code(name, params), "unknown_operation", name);
    assert.equal((await ann.ask("POST", `/${name}`, params)).status, 404, name);
    assert.equal((await ann.ask("POST", `/${name.replace(".", "/")}`, params)).status, 404, name);
  }
  assert.deepEqual(((await ann.ask("GET", "/users")).body["users"] as Json[]).map((one) => [one["name"], one["role"]]), [["ann", "owner"]]);
  client.close();
});

test("a body of another type is refused with 415; an id of a frame that is none with invalid_request", async () => {
  for (const type of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/jsonx", "application/json; charset=latin1", 'application/json;a=b; Charset="utf-16"', "application/json; charset=", "application/json x", ""]) {
    const { status, body } = await ask(server, "POST", `/rooms/${general}/messages`, { token: ann.token, body: '{"nonce":"n","text":"a"}', headers: { "content-type": type } });
    assert.deepEqual([status, body["code"]], [415, "unsupported_media_type"], type);
  }
  for (const type of ["application/json; charset=utf-8", 'APPLICATION/JSON ; Charset="UTF-8"', "application/json;charset=utf8", "application/json; profile=x"]) {
    const { status } = await ask(server, "POST", `/rooms/${general}/messages`, { token: ann.token, body: "{}", headers: { "content-type": type } });
    assert.equal(status, 400, type);
  }
  const client = await ann.connect();
  const replies: Json[] = [];
  client.socket.on("message", (data: Buffer) => replies.push(JSON.parse(data.toString()) as Json));
  const send = `"method":"message.send","params":{"room":"${general}","text":"a","nonce":"n"}`;
  const ids = ["null", "1.5", "true", "[]", "{}", `"${"i".repeat(65)}"`];
  for (const id of ids) client.socket.send(`{"id":${id},${send}}`);
  client.socket.send(`{${send}}`);
  client.socket.send(`{"id":901,"method":7}`);
  client.socket.send(`{"id":902,"method":"message.send","params":"x"}`);
  assert.equal(await client.code("user.me"), "ok");
  assert.deepEqual(replies.slice(0, ids.length + 3).map((one) => (one["error"] as Json | undefined)?.["code"]), Array.from({ length: ids.length + 3 }, () => "invalid_request"));
  client.close();
});

/* ---- frames (RFC 6455) ---- */

const send = (text: string): string => JSON.stringify({ id: 1, method: "message.send", params: { room: general, nonce: "n", text } });
const closeWith = (code: number, reason: Buffer | string = ""): Buffer => frame(opcodes.close, Buffer.concat([Buffer.from([code >> 8, code & 255]), Buffer.from(reason)]));
const bytesOf = (text: string): Buffer => Buffer.from(text, "latin1");

const violations: [string, number, () => Buffer[]][] = [
  ["a frame that is not masked", 1002, () => [frame(opcodes.text, send("x"), { masked: false })]],
  ["reserved bit 1", 1002, () => [frame(opcodes.text, send("x"), { first: 0xc1 })]],
  ["reserved bit 2", 1002, () => [frame(opcodes.text, send("x"), { first: 0xa1 })]],
  ["reserved bit 3", 1002, () => [frame(opcodes.text, send("x"), { first: 0x91 })]],
  ...[3, 7, 11, 15].map((opcode): [string, number, () => Buffer[]] => [`opcode ${String(opcode)}`, 1002, () => [frame(opcode, "x")]]),
  ["a ping in fragments", 1002, () => [frame(opcodes.ping, "x", { first: opcodes.ping })]],
  ["a close in fragments", 1002, () => [frame(opcodes.close, "", { first: opcodes.close })]],
  ["a ping of 126 bytes", 1002, () => [frame(opcodes.ping, "x".repeat(126))]],
  ["a continuation of nothing", 1002, () => [frame(opcodes.continuation, send("x"))]],
  ["a message within a message", 1002, () => [frame(opcodes.text, send("x").slice(0, 9), { first: opcodes.text }), frame(opcodes.text, send("x"))]],
  ["a length in more bytes than it needs", 1002, () => [frame(opcodes.text, "x", { length: Buffer.from([126, 0, 1]) })]],
  ["a length beyond 63 bits", 1002, () => [frame(opcodes.text, "x", { length: Buffer.from([127, 0x80, 0, 0, 0, 0, 0, 0, 1]) })]],
  ["a close of one byte", 1002, () => [frame(opcodes.close, "x")]],
  ...[0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535].map((code): [string, number, () => Buffer[]] => [`close code ${String(code)}`, 1002, () => [closeWith(code)]]),
  ["a close reason that is no UTF-8", 1007, () => [closeWith(1000, Buffer.from([0xff]))]],
  ...noUtf8.map((bytes): [string, number, () => Buffer[]] => [`text with ${Buffer.from(bytes, "latin1").toString("hex")}`, 1007, () => [frame(opcodes.text, bytesOf(send(`a${bytes}b`)))]]),
  ["a character that is cut off by the end", 1007, () => [frame(opcodes.text, bytesOf("\xe2\x82"))]],
  ["a bad byte in a later fragment", 1007, () => [frame(opcodes.text, bytesOf("\xe2"), { first: opcodes.text }), frame(opcodes.continuation, bytesOf("\x28"))]],
  ["a frame over the limit", 1009, () => [frame(opcodes.text, "", { length: Buffer.from([127, 0, 0, 0, 0, 0, 1, 0, 1]) })]],
  ["fragments over the limit together", 1009, () => [frame(opcodes.text, "x".repeat(40_000), { first: opcodes.text }), frame(opcodes.continuation, "x".repeat(max_message_bytes - 39_999))]],
  ["a length of 2^62", 1009, () => [frame(opcodes.text, "", { length: Buffer.from([127, 0x40, 0, 0, 0, 0, 0, 0, 0]) })]],
  ["a binary message", 1003, () => [frame(opcodes.binary, send("x"))]],
];

for (const [what, code, frames] of violations)
  test(`closed with ${String(code)}, and nothing behind it counts: ${what}`, async () => {
    const socket = await RawSocket.open(server, ann.token);
    socket.send(...frames(), frame(opcodes.text, send("behind it")));
    assert.equal(await socket.closeCode(), code);
  });

test("what is allowed is understood: fragments with a ping between them, byte by byte; closes are answered alike", async () => {
  const socket = await RawSocket.open(server, ann.token);
  const ask = JSON.stringify({ id: "ü", method: "user.me" });
  const bytes = Buffer.from(ask);
  const cut = bytes.indexOf(0xc3) + 1; /* in the middle of a character */
  const all = Buffer.concat([
    frame(opcodes.text, bytes.subarray(0, cut), { first: opcodes.text }),
    frame(opcodes.ping, "in between"),
    frame(opcodes.continuation, "", { first: opcodes.continuation }),
    frame(opcodes.continuation, bytes.subarray(cut)),
  ]);
  for (const byte of all) socket.send(Buffer.from([byte]));
  const pong = await socket.next();
  assert.deepEqual([pong.opcode, pong.payload.toString()], [opcodes.pong, "in between"]);
  const reply = await socket.next();
  assert.deepEqual([reply.opcode, reply.final], [opcodes.text, true]);
  assert.equal((JSON.parse(reply.payload.toString()) as Json)["id"], "ü");
  socket.send(frame(opcodes.pong, "unasked"), closeWith(4321, "gone"));
  assert.equal(await socket.closeCode(), 4321);
  for (const code of [1000, 1001, 1003, 1007, 1011, 3000, 4999]) {
    const other = await RawSocket.open(server, ann.token);
    other.send(closeWith(code));
    assert.equal(await other.closeCode(), code);
  }
  const silent = await RawSocket.open(server, ann.token);
  silent.send(frame(opcodes.close));
  assert.equal(await silent.closeCode(), 1005);
});

test("a handshake that is none is refused with 400 or 426, and the connection serves on", async () => {
  const { host } = new URL(server.url);
  const right = { Upgrade: "websocket", Connection: "Upgrade", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": Buffer.alloc(16).toString("base64") };
  const cases: [number, Record<string, string | undefined>][] = [
    [426, { Upgrade: undefined }],
    [426, { Upgrade: "h2c" }],
    [426, { "Sec-WebSocket-Version": "12" }],
    [400, { "Sec-WebSocket-Version": undefined }],
    [400, { "Sec-WebSocket-Key": undefined }],
    [400, { "Sec-WebSocket-Key": "short" }],
    [400, { "Sec-WebSocket-Key": Buffer.alloc(17).toString("base64") }],
    [400, { Connection: "keep-alive" }],
  ];
  for (const [status, change] of cases) {
    const headers = Object.entries({ ...right, ...change }).filter(([, value]) => value !== undefined);
    const line = await Line.open(server.url);
    line.write(`GET /api/v1/ws HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${ann.token}\r\n${headers.map(([name, value]) => `${name}: ${value ?? ""}\r\n`).join("")}\r\n`);
    await until("the answer", () => line.statuses.length === 1 && line.text.includes("}"));
    assert.equal(line.statuses[0], status, JSON.stringify(change));
    if (status === 426) assert.match(line.text, /^Sec-WebSocket-Version: 13\r$/m);
    line.write(`GET /healthz HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    await until("the next answer", () => line.statuses.length === 2);
    assert.equal(line.statuses[1], 200);
    line.close();
  }
});
