/* TLS: every way in over it, what is refused, certificates replaced while people talk, the way from plain HTTP. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { connect as connectPlain } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { connect, type ConnectionOptions, type SecureVersion, type TLSSocket } from "node:tls";
import { promisify } from "node:util";
import { io } from "socket.io-client";
import { WebSocket } from "ws";
import { Authority } from "./certificates.ts";
import { ask, cliIn, Server, until, type EventJson, type Json, type MessageJson, type Person } from "./harness.ts";
import { exchange, freePort } from "./raw.ts";

const run = promisify(execFile);
const bigBytes = 12 * 1024 * 1024;
const hsts = "max-age=31536000";
const header_timeout_ms = 1000;
const page = "<!doctype html><title>page</title>";
/* More than DIRECT_MAX at once, so that io_uring takes part where it is allowed. */
const readersAtOnce = 4;

let authority: Authority;
let web: string;
let bigSum: string;
let server: Server;
let redirect: string;
let ann: Person;
let ben: Person;
let general: string;

before(async () => {
  const big = randomBytes(bigBytes);
  authority = await Authority.make();
  await authority.issue("first");
  web = await mkdtemp(join(tmpdir(), "parley-web-"));
  await writeFile(join(web, "index.html"), page);
  await writeFile(join(web, "big.bin"), big);
  bigSum = createHash("sha256").update(big).digest("hex");
  server = await Server.start([...authority.settings("first"), `--web=${web}`, "--loops=2", "--http.redirect_listen=127.0.0.1:0", `--net.header_timeout_ms=${String(header_timeout_ms)}`]);
  redirect = `http://127.0.0.1:${besidePort(server)}`;
  ann = await server.person("ann", "owner");
  ben = await server.person("ben");
  general = await ann.room("general");
});
after(async () => {
  await server.end();
  await authority.end();
  await rm(web, { recursive: true, force: true });
});

function besidePort(of: Server): string {
  return /listens beside.* port=(\d+)/.exec(of.log)?.[1] ?? "0";
}

function port(of: Server = server): number {
  return Number(new URL(of.url).port);
}

/** A TLS client of our own; what it was sent piles up in `text`, unless it is paused. */
class Secure {
  readonly socket: TLSSocket;
  bytes: Buffer[] = [];
  ended = false;
  error = "";

  constructor(socket: TLSSocket) {
    this.socket = socket;
    socket.on("data", (bytes: Buffer) => this.bytes.push(bytes));
    socket.on("end", () => (this.ended = true));
    socket.on("error", (error: Error) => (this.error = String(error)));
  }

  static open(options: ConnectionOptions = {}, of: Server = server): Promise<Secure> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host: "127.0.0.1", port: port(of), allowHalfOpen: true, ...options } as ConnectionOptions, () => resolve(new Secure(socket)));
      socket.once("error", reject);
    });
  }

  get text(): string {
    return Buffer.concat(this.bytes).toString("latin1");
  }

  get answers(): number {
    return [...this.text.matchAll(/HTTP\/1\.1 200 /g)].length;
  }
}

function request(path: string, close = false): string {
  return `GET ${path} HTTP/1.1\r\nHost: ${new URL(server.url).host}\r\n${close ? "Connection: close\r\n" : ""}\r\n`;
}

async function commonName(of: Server = server): Promise<string> {
  const { socket } = await Secure.open({}, of);
  const name = String(socket.getPeerCertificate().subject.CN);
  socket.destroy();
  return name;
}

async function failsToConnect(options: ConnectionOptions): Promise<string> {
  try {
    (await Secure.open(options)).socket.destroy();
    return "";
  } catch (error) {
    return String(error);
  }
}

/* ---- every way in ---- */

test("fetch, curl and the command line see https, the address that the server prints", async () => {
  assert.match(server.url, /^https:\/\/127\.0\.0\.1:\d+$/);
  assert.equal(await (await fetch(server.url)).text(), page);
  assert.equal((await run("curl", ["-sS", "--cacert", authority.file, server.url])).stdout, page);
  assert.match(await server.ownerLink(), /^https:\/\/127\.0\.0\.1:\d+\//);
  assert.equal((await ann.ask("GET", "/me")).status, 200);
});

test("WebSockets hear each other, on either loop", async () => {
  const clients = await Promise.all([ann, ben, ann, ben].map((one) => one.listen()));
  const [first] = clients;
  await first?.result("message.send", { room: general, text: "over TLS", nonce: crypto.randomUUID() });
  for (const client of clients) await client.waitFor("the message", (event) => event.event === "message.created");
  for (const client of clients) client.close();
});

test("a stream of events comes at once, not when a record is full", async () => {
  const abort = new AbortController();
  const answer = await fetch(`${server.url}/api/v1/events`, { headers: { authorization: `Bearer ${ann.token}` }, signal: abort.signal });
  assert.equal(answer.headers.get("strict-transport-security"), hsts);
  let text = "";
  const reading = (async () => {
    for await (const bytes of answer.body ?? []) text += Buffer.from(bytes as Uint8Array).toString();
  })().catch(() => undefined);
  await until("the start", () => text.includes("session.started"));
  await ben.send(general, "to the stream");
  await until("the event", () => text.includes("to the stream"));
  abort.abort();
  await reading;
});

test("Socket.IO's requests, each by a connection of its own, move to their client's loop with their TLS", async () => {
  const socket = io(server.url, { transports: ["polling"], forceNew: true, auth: { token: ann.token } });
  const texts: string[] = [];
  socket.on("message.created", (event: EventJson) => texts.push((event.data["message"] as MessageJson).text));
  await new Promise((resolve) => socket.once("session.started", resolve));
  const sent = Array.from({ length: 20 }, (_, n) => `by polling ${String(n)}`);
  for (const text of sent) {
    const reply = (await socket.timeout(20_000).emitWithAck("message.send", { room: general, text, nonce: crypto.randomUUID() })) as Json;
    assert.ok(reply["result"], JSON.stringify(reply));
  }
  await until("every message", () => texts.length === sent.length);
  assert.deepEqual(texts, sent);
  socket.disconnect();
});

test("requests sent ahead, and byte by byte in records of their own, are answered in order", async () => {
  const line = await Secure.open();
  line.socket.write(request("/").repeat(3));
  await until("three answers", () => line.answers === 3);
  for (const byte of request("/")) line.socket.write(byte);
  await until("the fourth", () => line.answers === 4);
  line.socket.destroy();
});

test("TLS 1.2 and 1.3 are spoken; 1.1, h2 alone and plain HTTP are not", async () => {
  const versions: SecureVersion[] = ["TLSv1.2", "TLSv1.3"];
  for (const version of versions) {
    const { socket } = await Secure.open({ minVersion: version, maxVersion: version, ALPNProtocols: ["h2", "http/1.1"] });
    assert.equal(socket.getProtocol(), version);
    assert.equal(socket.alpnProtocol, "http/1.1");
    assert.match(socket.getCipher().name, /GCM|CHACHA20/);
    socket.destroy();
  }
  assert.match(await failsToConnect({ minVersion: "TLSv1.1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" }), /alert protocol version/);
  assert.match(await failsToConnect({ ALPNProtocols: ["h2"] }), /no application protocol/);
  const plain = await exchange(server, request("/"));
  assert.doesNotMatch(plain.text, /HTTP/);
});

test("who does not finish the handshake is cut, and disturbs nobody", async () => {
  const began = Date.now();
  const socket = connectPlain(port(), "127.0.0.1", () => socket.write(Buffer.from([0x16, 3, 1, 2, 0, 1])));
  socket.on("error", () => undefined);
  const closed = new Promise((resolve) => socket.on("close", resolve));
  assert.equal((await ann.ask("GET", "/me")).status, 200);
  await closed;
  assert.ok(Date.now() - began >= header_timeout_ms - 100);
});

test("closing is said by close_notify, after the whole answer", async () => {
  const line = await Secure.open();
  line.socket.write(request("/", true));
  await until("the end", () => line.ended);
  assert.ok(line.text.endsWith(page));
  assert.equal(line.error, "");
  line.socket.destroy();
  /* The s_client says whether it was a close_notify or a bare end of the stream. */
  const { stdout } = await run("sh", ["-c", `printf 'GET / HTTP/1.1\\r\\nHost: ${new URL(server.url).host}\\r\\nConnection: close\\r\\n\\r\\n' | openssl s_client -quiet -ign_eof -msg -connect 127.0.0.1:${String(port())} 2>&1`]);
  assert.match(stdout, /<<<.*Alert.*warning close_notify/);
});

test("who shuts down its half behind a request gets the whole answer", async () => {
  const line = await Secure.open();
  line.socket.end(request("/big.bin"));
  await until("the end", () => line.ended);
  assert.equal(sumOfBody(line), bigSum);
  assert.equal(line.error, "");
});

function sumOfBody(line: Secure): string {
  const all = Buffer.concat(line.bytes);
  return createHash("sha256")
    .update(all.subarray(all.indexOf("\r\n\r\n") + 4))
    .digest("hex");
}

for (const way of ["auto", "writev"]) {
  test(`large answers reach readers that stop and go on, whole, while others are served (${way})`, async (t) => {
    const own = await Server.start([...authority.settings("first"), `--web=${web}`, "--loops=1", `--net.send_batch=${way}`]);
    t.after(() => own.end());
    const path = `GET /big.bin HTTP/1.1\r\nHost: ${new URL(own.url).host}\r\n\r\n`;
    const lines = await Promise.all(Array.from({ length: readersAtOnce }, () => Secure.open({}, own)));
    for (const { socket } of lines) socket.pause().write(path);
    assert.equal((await ask(own, "GET", "/me")).status, 401);
    assert.equal(await (await fetch(own.url)).text(), page);
    for (const line of lines) {
      assert.ok(line.bytes.length === 0);
      line.socket.resume();
    }
    for (const line of lines) {
      await until("the whole", () => line.bytes.reduce((sum, bytes) => sum + bytes.length, 0) > bigBytes);
      assert.equal(sumOfBody(line), bigSum);
      line.socket.destroy();
    }
  });
}

test("a WebSocket that reads nothing is closed at its queue's limit, by a whole frame, and resumes whole", async (t) => {
  const own = await Server.start([...authority.settings("first"), `--web=${web}`, "--net.queue_bytes=262144", "--net.close_timeout_ms=60000"]);
  t.after(() => own.end());
  const eve = await own.person("eve", "owner");
  const joe = await own.person("joe");
  const room = await eve.room("general");
  const slow = await joe.listen();
  slow.socket.pause();
  const sender = await eve.listen();
  const total = 3000;
  for (let sent = 0; sent < total; sent += 20) await Promise.all(Array.from({ length: 20 }, () => sender.send(room, "x".repeat(4000))));
  await until("everything at the sender", () => sender.texts().length === total);
  slow.socket.resume();
  await until("the close", () => slow.closed);
  assert.equal(slow.closed?.code, 4001);
  const before = slow.texts().length;
  assert.ok(before < total);
  const again = await joe.listen(slow.cursor);
  assert.equal(again.started["resumed"], true);
  await until("the rest", () => again.texts().length === total - before);
  for (const client of [sender, again]) client.close();
});

/* ---- what browsers are told ---- */

test("every answer says Strict-Transport-Security, and the cookie is Secure", async () => {
  const statuses = new Map([
    ["/", 200],
    ["/healthz", 200],
    ["/metrics", 401],
    ["/api/v1/me", 401],
    ["/api/v1/nothing", 404],
    ["/nothing.txt", 404],
  ]);
  for (const [path, status] of statuses) {
    const answer = await fetch(server.url + path);
    assert.equal(answer.status, status, path);
    assert.equal(answer.headers.get("strict-transport-security"), hsts, path);
  }
  const line = await Secure.open();
  line.socket.write("BAD\r\n\r\n");
  await until("the refusal", () => line.ended);
  assert.match(line.text, /^HTTP\/1\.1 501 [^]*Strict-Transport-Security: max-age=31536000\r\n/);
  const upgrade = new WebSocket(`${server.url.replace("https:", "wss:")}/api/v1/ws`);
  const [response] = (await once(upgrade, "upgrade")) as [IncomingMessage];
  assert.equal(response.headers["strict-transport-security"], hsts);
  upgrade.terminate();
  const signedIn = await ask(server, "POST", "/session", { body: { login: "ann", password: "correct horse" }, headers: { origin: server.url } });
  assert.equal(signedIn.status, 201);
  assert.match(signedIn.headers.get("set-cookie") ?? "", /; Secure/);
});

test("without TLS nothing of it is said, unless people come by https through a proxy", async (t) => {
  const plain = await Server.start([`--web=${web}`]);
  t.after(() => plain.end());
  assert.equal((await fetch(plain.url)).headers.get("strict-transport-security"), null);
  const address = `127.0.0.1:${String(await freePort())}`;
  const behind = await Server.start([`--web=${web}`, "--public_url=https://chat.example.org", `--listen=${address}`]);
  t.after(() => behind.end());
  const answer = await fetch(`http://${address}/healthz`);
  assert.equal(answer.headers.get("strict-transport-security"), hsts);
});

/* ---- certificates ---- */

test("SIGHUP brings a new certificate; who is connected stays; a broken one changes nothing", async (t) => {
  for (const name of ["first", "second"]) await authority.issue(name);
  for (const kind of ["certificate", "key"] as const) await copyFile(authority[kind]("first"), authority[kind]("live"));
  const own = await Server.start([...authority.settings("live"), `--web=${web}`]);
  t.after(() => own.end());
  const eve = await own.person("eve", "owner");
  const room = await eve.room("general");
  const client = await eve.listen();
  assert.equal(await commonName(own), "first");

  for (const kind of ["certificate", "key"] as const) await copyFile(authority[kind]("second"), authority[kind]("live"));
  process.kill(own.pid, "SIGHUP");
  await until("the reload", () => own.log.includes("certificate reloaded"));
  assert.equal(await commonName(own), "second");

  await writeFile(authority.certificate("live"), "nothing");
  process.kill(own.pid, "SIGHUP");
  await until("the refusal", () => own.log.includes("certificate not reloaded"));
  assert.match(own.log, /level=error event="certificate not reloaded, the old one stays" why="tls\.certificate names a file/);
  assert.equal(await commonName(own), "second");

  await copyFile(authority.certificate("first"), authority.certificate("live"));
  process.kill(own.pid, "SIGHUP"); /* the key is the second's */
  await until("the second refusal", () => own.log.includes("tls.key names a file"));
  assert.equal(await commonName(own), "second");

  await client.result("message.send", { room, text: "still here", nonce: crypto.randomUUID() });
  await client.waitFor("the message", (event) => event.event === "message.created");
  assert.equal(client.closed, undefined);
  assert.doesNotMatch(own.log, /private|BEGIN/);
  client.close();
  assert.equal(await own.stop(), 0);
});

test("settings that cannot be are refused at the start, by their name", async () => {
  const [certificate = "", key = ""] = authority.settings("first");
  await authority.issue("other");
  const cases: [string[], RegExp][] = [
    [[certificate], /tls\.certificate is set and tls\.key is not/],
    [[key], /tls\.key is set and tls\.certificate is not/],
    [["--tls.certificate=/nowhere.pem", key], /tls\.certificate names a file that cannot be used: No such file/],
    [[certificate, "--tls.key=/nowhere-private.pem"], /tls\.key names a file that cannot be used: No such file/],
    [[certificate, `--tls.key=${authority.key("other")}`], /tls\.key names a file that cannot be used: key values mismatch/],
    [[certificate, key, "--public_url=http://chat.example.org"], /public_url cannot be "http:\/\/chat\.example\.org" with tls\.certificate/],
    [["--http.redirect_listen=127.0.0.1:0"], /http\.redirect_listen needs/],
    [["--net.trusted_proxies=10.0.0.1/8"], /net\.trusted_proxies: "10\.0\.0\.1\/8" is neither/],
    [["--net.proxy_protocol=on"], /net\.proxy_protocol=on needs/],
  ];
  for (const [words, message] of cases) {
    const folder = await mkdtemp(join(tmpdir(), "parley-"));
    const { code, stderr } = await cliIn(folder, ["serve", "--listen=127.0.0.1:0", ...words]);
    assert.ok(code !== 0 && code !== null, words.join(" "));
    assert.match(stderr, message);
    assert.doesNotMatch(stderr, /private/);
    await rm(folder, { recursive: true, force: true });
  }
});

/* ---- plain HTTP ---- */

test("the plain address sends on to https, whatever is asked, and serves nothing", async () => {
  for (const [method, path] of [["GET", "/"], ["GET", "/room/x?at=1&b=%2F"], ["HEAD", "/"], ["POST", "/api/v1/session"], ["GET", "/healthz"], ["GET", "//elsewhere.example"]] as const) {
    const answer = await fetch(redirect + path, { method, redirect: "manual" });
    assert.equal(answer.status, 308, path);
    assert.equal(answer.headers.get("location"), server.url + path);
    assert.equal(answer.headers.get("strict-transport-security"), null);
    assert.equal(await answer.text(), "");
  }
  const { url } = server;
  server.url = redirect;
  const foreign = await exchange(server, "GET / HTTP/1.1\r\nHost: elsewhere.example\r\nConnection: close\r\n\r\n");
  const bare = await exchange(server, "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  const end = "HTTP/1.1\r\nHost: elsewhere.example\r\nConnection: close\r\n\r\n";
  const whole = await exchange(server, `GET http://localhost/a?b ${end}`);
  const elsewhere = await exchange(server, `GET http://elsewhere.example/ ${end.replace("elsewhere.example", "localhost")}`);
  const secure = await exchange(server, `GET https://localhost/ ${end}`);
  const asterisk = await exchange(server, `OPTIONS * ${end.replace("elsewhere.example", "localhost")}`);
  server.url = url;
  assert.match(whole.text, new RegExp(`^HTTP/1\\.1 308 [^]*Location: ${server.url}/a\\?b\r\n`));
  assert.deepEqual([elsewhere.statuses, secure.statuses, asterisk.statuses], [[421], [421], [204]]);
  assert.match(asterisk.text, /^Allow: GET, /m);
  assert.doesNotMatch(elsewhere.text + secure.text + asterisk.text, /Location/);
  assert.deepEqual(foreign.statuses, [421]);
  assert.doesNotMatch(foreign.text, /Location/);
  assert.match(bare.text, new RegExp(`^HTTP/1\\.1 308 [^]*Location: ${server.url}/\r\n`));
});

test("nothing of a key is in the log", async () => {
  const secret = (await readFile(authority.key("first"), "utf8")).split("\n")[1] ?? "";
  assert.ok(secret.length > 20);
  assert.ok(!server.log.includes(secret) && !server.log.includes("private"));
});
