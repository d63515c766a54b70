/* Behind proxies: whose request it is by X-Forwarded-For and by PROXY protocol, believed from trusted addresses only, and a real
 * haproxy before us. Who a request counts for is seen by the limit on addresses: it is so low that one address comes to it. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { get } from "node:http";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { after, before, test, type TestContext } from "node:test";
import { connect as connectTls } from "node:tls";
import { Authority } from "./certificates.ts";
import { Client, Server, until } from "./harness.ts";
import { freePort, Line } from "./raw.ts";

const header_timeout_ms = 1000;
const attempts = 30;
const low = ["--limits.rate=on", "--limits.address_rate=1", "--limits.address_burst=5", `--net.header_timeout_ms=${String(header_timeout_ms)}`];
const trusted = "--net.trusted_proxies=127.0.0.1, 10.0.0.0/8";
/* An address of the loopback network that is nobody's proxy. */
const stranger = "127.0.0.2";

let authority: Authority;
before(async () => {
  authority = await Authority.make();
  await authority.issue("first");
});
after(() => authority.end());

async function start(t: TestContext, ...options: string[]): Promise<Server> {
  const server = await Server.start([...low, ...options]);
  t.after(() => server.end());
  return server;
}

/** The status of a request that no one is signed in for: 401 until its address has come to the limit, then 429. */
function status(server: Server, headers: Record<string, string> = {}, localAddress = "127.0.0.1"): Promise<number> {
  const options = { headers: { authorization: "Bearer wrong", host: new URL(server.url).host, ...headers }, localAddress, agent: false };
  return new Promise((resolve, reject) => {
    get(`${server.url}/api/v1/me`, options, (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    }).on("error", reject);
  });
}

/** What `attempts` requests are answered, one after the other; `make` gives the n-th. */
async function statuses(make: (n: number) => Promise<number>): Promise<Set<number>> {
  const seen = new Set<number>();
  for (let n = 0; n < attempts; n++) seen.add(await make(n));
  return seen;
}

const counted = new Set([401, 429]);
const free = new Set([401]);

/* ---- X-Forwarded-For ---- */

test("through a trusted proxy each client has a limit of its own, whatever it claims to the left", async (t) => {
  const server = await start(t, trusted);
  assert.deepEqual(await statuses((n) => status(server, { "x-forwarded-for": `198.51.100.${String(n)}` })), free);
  assert.deepEqual(await statuses(() => status(server, { "x-forwarded-for": "192.0.2.1" })), counted);
  assert.deepEqual(await statuses((n) => status(server, { "x-forwarded-for": `203.0.113.${String(n)}, 192.0.2.2` })), counted, "forged");
  assert.deepEqual(await statuses((n) => status(server, { "x-forwarded-for": `203.0.113.${String(n)}, 192.0.2.3, 10.0.0.${String(n)}` })), counted, "two proxies");
  assert.deepEqual(await statuses((n) => status(server, { "x-forwarded-for": `192.0.2.4, junk${String(n)}` })), counted, "no address");
});

test("nobody else is believed", async (t) => {
  const server = await start(t, trusted);
  assert.deepEqual(await statuses((n) => status(server, { "x-forwarded-for": `198.51.100.${String(n)}` }, stranger)), counted);
  const other = await start(t);
  assert.deepEqual(await statuses((n) => status(other, { "x-forwarded-for": `198.51.100.${String(n)}` })), counted, "no proxy is trusted");
});

test("requests of many clients by one connection of the proxy are told apart", async (t) => {
  const server = await start(t, trusted);
  const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
  let text = "";
  socket.on("data", (bytes: Buffer) => (text += bytes.toString("latin1")));
  for (let n = 0; n < attempts; n++)
    socket.write(`GET /api/v1/me HTTP/1.1\r\nHost: ${new URL(server.url).host}\r\nAuthorization: Bearer wrong\r\nX-Forwarded-For: 198.51.100.${String(n)}\r\n\r\n`);
  await until("every answer", () => [...text.matchAll(/HTTP\/1\.1 401 /g)].length === attempts);
  assert.doesNotMatch(text, /HTTP\/1\.1 429 /);
  socket.destroy();
});

test("a WebSocket is its client's for as long as it lives", async (t) => {
  const server = await start(t, trusted);
  const codes = async (address: string, count: number): Promise<Set<string>> => {
    const seen = new Set<string>();
    for (let n = 0; n < count; n++) {
      const client = await Client.open(server, undefined, { "x-forwarded-for": address });
      seen.add(await client.code("session.authenticate", { token: "wrong" }));
      client.close();
    }
    return seen;
  };
  assert.ok((await codes("192.0.2.1", attempts)).has("rate_limited"));
  assert.deepEqual(await codes("192.0.2.2", 1), new Set(["invalid_token"]));
});

test("a client behind a proxy has its share of WebSockets that nobody signed in on", async (t) => {
  const server = await Server.start(["--loops=1", "--limits.rate=on", "--net.max_connections_per_address=3", trusted]);
  t.after(() => server.end());
  const ann = await server.person("ann", "owner");
  const open: Client[] = [];
  const from = async (address: string, token?: string): Promise<string> => {
    try {
      open.push(await Client.open(server, token, { "x-forwarded-for": address }));
      return "open";
    } catch (error) {
      return (error as Error).message;
    }
  };
  const host = new URL(server.url).host;
  const ask = (line: Line, target: string, address: string, body?: string): void => {
    const upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    const rest = body === undefined ? upgrade : `Content-Length: ${String(body.length)}\r\n\r\n${body}`;
    line.write(`${body === undefined ? "GET" : "POST"} ${target} HTTP/1.1\r\nHost: ${host}\r\nX-Forwarded-For: ${address}\r\n${rest}`);
  };
  const open_line = async (): Promise<Line> => {
    const line = await Line.open(server.url);
    t.after(() => {
      line.close();
    });
    return line;
  };
  const upgraded = async (target: string, address: string, before?: { target: string; body: string }): Promise<Line> => {
    const line = await open_line();
    if (before !== undefined) {
      ask(line, before.target, "192.0.2.9", before.body);
      await until("the first answer", () => line.statuses.length === 1);
    }
    ask(line, target, address);
    await until("the answer", () => line.statuses.length === (before === undefined ? 1 : 2));
    return line;
  };
  const socketio = "/socket.io/?EIO=4&transport=websocket";
  const share: string[] = [];
  for (let n = 0; n < 6; n++) share.push(await from("192.0.2.1"));
  assert.equal(share.filter((answer) => answer === "open").length, 4, share.join());
  assert.equal(share.at(-1), "status 429");
  const refused = await upgraded("/api/v1/ws", "192.0.2.1");
  assert.match(refused.text, /^HTTP\/1\.1 429 /);
  assert.match(refused.text, /\r\nRetry-After: \d+\r\n/i);
  assert.deepEqual((await upgraded(socketio, "192.0.2.1")).statuses, [429]);
  assert.deepEqual((await upgraded(socketio, "192.0.2.2")).statuses, [101]);

  const polling = `${server.url}/socket.io/?EIO=4&transport=polling`;
  const { sid } = JSON.parse((await (await fetch(polling)).text()).slice(1)) as { sid: string };
  assert.equal((await fetch(`${polling}&sid=${sid}`, { method: "POST", body: `40${JSON.stringify({ token: ann.token })}` })).status, 200);
  assert.match(await (await fetch(`${polling}&sid=${sid}`)).text(), /^40/, "ann has joined");
  const known = { target: `/socket.io/?EIO=4&transport=polling&sid=${sid}`, body: "3" };
  assert.deepEqual((await upgraded("/api/v1/ws", "192.0.2.1", known)).statuses, [200, 429], "behind a request of somebody known, by the proxy's connection");
  assert.deepEqual((await upgraded(`${socketio}&sid=${sid}`, "192.0.2.1")).statuses, [101], "the engine of somebody known goes over");
  assert.equal(await from("192.0.2.2"), "open", "another client");
  assert.equal(await from("192.0.2.1", ann.token), "open", "who is known");
  open[0]?.close();
  await until("its place to be free", async () => (await from("192.0.2.1")) === "open");
  for (const client of open) client.close();
});

test("what a trusted proxy got by plain HTTP is sent on to https", async (t) => {
  const address = `127.0.0.1:${String(await freePort())}`;
  const server = await start(t, trusted, "--public_url=https://chat.example.org", `--listen=${address}`);
  server.url = `http://${address}`;
  const host = "chat.example.org";
  assert.equal(await status(server, { host, "x-forwarded-proto": "http" }), 308);
  assert.equal(await status(server, { host, "x-forwarded-proto": "https" }), 401);
  assert.equal(await status(server, { host }), 401);
  assert.equal(await status(server, { host, "x-forwarded-proto": "http" }, stranger), 401);
  const line = await Line.open(server.url);
  for (const target of ["GET http://chat.example.org/a?b=c", "OPTIONS *", "OPTIONS http://chat.example.org"]) line.write(`${target} HTTP/1.1\r\nHost: ${host}\r\nX-Forwarded-Proto: http\r\n\r\n`);
  await until("the answers", () => line.statuses.length === 3);
  assert.deepEqual(line.statuses, [308, 204, 204]);
  assert.deepEqual([...line.text.matchAll(/^Location: (.*)\r$/gm)].map((match) => match[1]), ["https://chat.example.org/a?b=c"]);
  line.close();
});

/* ---- PROXY protocol ---- */

function proxyHeader(source: string, command = 0x21): Buffer {
  const addresses = [...source.split("."), 198, 51, 100, 1].map(Number);
  return Buffer.concat([Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1"), Buffer.from([command, 0x11, 0, 12, ...addresses, 0x12, 0x34, 1, 0xbb])]);
}

interface Told {
  socket: Socket;
  text: string;
  closed: boolean;
}

function open(server: Server, localAddress = "127.0.0.1"): Told {
  const socket = connect({ port: Number(new URL(server.url).port), host: "127.0.0.1", localAddress });
  const told: Told = { socket, text: "", closed: false };
  socket.on("data", (bytes: Buffer) => (told.text += bytes.toString("latin1")));
  socket.on("close", () => (told.closed = true));
  socket.on("error", () => undefined);
  return told;
}

function ask(server: Server): string {
  return `GET /api/v1/me HTTP/1.1\r\nHost: ${new URL(server.url).host}\r\nAuthorization: Bearer wrong\r\nConnection: close\r\n\r\n`;
}

/** Sends the bytes; the answer's status, 0 for none. */
async function told(server: Server, bytes: (string | Buffer)[], localAddress?: string): Promise<number> {
  const line = open(server, localAddress);
  for (const piece of bytes) line.socket.write(piece);
  await until("the end", () => line.closed);
  return Number(/^HTTP\/1\.1 (\d+) /.exec(line.text)?.[1] ?? 0);
}

test("a trusted proxy says first whose connection it is", async (t) => {
  const server = await start(t, trusted, "--net.proxy_protocol=on");
  assert.deepEqual(await statuses((n) => told(server, [proxyHeader(`198.51.100.${String(n)}`), ask(server)])), free);
  assert.deepEqual(await statuses(() => told(server, [proxyHeader("192.0.2.1"), ask(server)])), counted);
  const whole = Buffer.concat([proxyHeader("192.0.2.2"), Buffer.from(ask(server))]);
  assert.equal(await told(server, [whole]), 401, "in one piece");
  const line = open(server);
  line.socket.setNoDelay(true);
  for (const byte of proxyHeader("192.0.2.3")) {
    line.socket.write(Buffer.from([byte]));
    await new Promise((done) => setImmediate(done));
  }
  line.socket.write(ask(server));
  await until("the end", () => line.closed);
  assert.match(line.text, /^HTTP\/1\.1 401 /);
  assert.equal(await told(server, [proxyHeader("192.0.2.4", 0x20), ask(server)]), 401, "LOCAL");
});

test("a trusted proxy that says nothing, or something else, is cut without an answer", async (t) => {
  const server = await start(t, trusted, "--net.proxy_protocol=on");
  assert.equal(await told(server, [ask(server)]), 0);
  assert.equal(await told(server, ["PROXY TCP4 192.0.2.1 198.51.100.1 4660 443\r\n", ask(server)]), 0);
  assert.equal(await told(server, [proxyHeader("192.0.2.1", 0x11), ask(server)]), 0);
  const began = Date.now();
  assert.equal(await told(server, [proxyHeader("192.0.2.1").subarray(0, 20)]), 0, "half of a header");
  assert.ok(Date.now() - began >= header_timeout_ms - 100);
});

test("from anybody else a PROXY header is no header", async (t) => {
  const server = await start(t, trusted, "--net.proxy_protocol=on");
  assert.equal(await told(server, [proxyHeader("192.0.2.1"), ask(server)], stranger), 400);
  assert.equal(await told(server, [ask(server)], stranger), 401);
  const off = await start(t, trusted);
  assert.equal(await told(off, [proxyHeader("192.0.2.1"), ask(off)]), 400, "it is off");
});

/** A request over TLS, behind `greeting`; the answer's status, 0 when the connection was closed without a word. */
async function toldSecurely(server: Server, greeting: string | Buffer, localAddress?: string): Promise<number> {
  const line = open(server, localAddress);
  line.socket.write(greeting);
  const secure = connectTls({ socket: line.socket, host: "127.0.0.1" });
  let text = "";
  secure.on("data", (bytes: Buffer) => (text += bytes.toString("latin1")));
  secure.on("error", () => undefined);
  secure.write(ask(server));
  await until("the answer or the end", () => /\r\n\r\n/.test(text) || line.closed);
  secure.destroy();
  return Number(text.slice(9, 12));
}

test("the header comes before TLS", async (t) => {
  const server = await start(t, trusted, "--net.proxy_protocol=on", ...authority.settings("first"));
  assert.deepEqual(await statuses(() => toldSecurely(server, proxyHeader("192.0.2.1"))), counted);
});

/* ---- TLS handshakes ---- */

const handshakes = 5;
const fewHandshakes = ["--limits.rate=on", `--limits.tls_handshake_burst=${String(handshakes)}`, "--limits.tls_handshake_rate=1"];

/** How many of more than the burst are let in; the others must be closed without a word. */
async function letIn(make: () => Promise<number>): Promise<number> {
  let count = 0;
  for (let n = 0; n < 2 * handshakes; n++) if ((await make()) !== 0) count++;
  return count;
}

test("an address that asks for handshake after handshake is refused them, and nobody else", async (t) => {
  const metrics = await freePort();
  const server = await start(t, ...authority.settings("first"), ...fewHandshakes, `--metrics.listen=127.0.0.1:${String(metrics)}`);
  assert.equal(await letIn(() => toldSecurely(server, "")), handshakes);
  assert.notEqual(await toldSecurely(server, "", stranger), 0);
  const text = await (await fetch(`http://127.0.0.1:${String(metrics)}/metrics`)).text();
  assert.match(text, new RegExp(`^parley_tls_refused_total ${String(handshakes)}$`, "m"));
  const off = await start(t, ...authority.settings("first"), ...fewHandshakes, "--limits.rate=off");
  assert.equal(await letIn(() => toldSecurely(off, "")), 2 * handshakes);
});

test("handshakes are counted for whom a trusted proxy names; its own are not", async (t) => {
  const server = await start(t, trusted, "--net.proxy_protocol=on", ...authority.settings("first"), ...fewHandshakes);
  assert.equal(await letIn(() => toldSecurely(server, proxyHeader("192.0.2.1"))), handshakes);
  assert.notEqual(await toldSecurely(server, proxyHeader("192.0.2.2")), 0);
  assert.equal(await letIn(() => toldSecurely(server, proxyHeader("192.0.2.1", 0x20))), 2 * handshakes, "LOCAL");
  const forwarded = await start(t, trusted, ...authority.settings("first"), ...fewHandshakes);
  assert.equal(await letIn(() => toldSecurely(forwarded, "")), 2 * handshakes);
  assert.equal(await letIn(() => toldSecurely(forwarded, "", stranger)), handshakes);
});

/* ---- haproxy ---- */

/** haproxy in front; what it listens on. `section` may use $IN and $SERVER. */
async function haproxy(t: TestContext, server: Server, section: string): Promise<number> {
  const port = await freePort();
  const file = join(server.folder, "haproxy.cfg");
  const text = `global
  log stderr local0 info
defaults
  log global
  timeout connect 5s
  timeout client 30s
  timeout server 30s
${section.replaceAll("$IN", `127.0.0.1:${String(port)}`).replaceAll("$SERVER", new URL(server.url).host)}
`;
  await writeFile(file, text);
  const child = spawn("haproxy", ["-db", "-f", file], { env: { PATH: `${process.env["PATH"] ?? ""}:/usr/sbin` } });
  let log = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (bytes: Buffer) => (log += bytes.toString()));
  const ended = new Promise((resolve) => child.on("exit", resolve));
  t.after(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  await until("haproxy", () => new Promise<boolean>((resolve) => {
    if (child.exitCode !== null) throw new Error(log);
    const socket = connect(port, "127.0.0.1", () => resolve(true));
    socket.on("error", () => resolve(false)).on("connect", () => socket.destroy());
  }));
  return port;
}

test("haproxy hands on TLS by PROXY protocol, its own checks too", async (t) => {
  const server = await start(t, trusted, "--net.proxy_protocol=on", ...authority.settings("first"));
  const port = await haproxy(t, server, `
listen chat
  mode tcp
  bind $IN
  server parley $SERVER send-proxy-v2 check inter 100ms check-send-proxy`);
  const through = (localAddress: string) =>
    new Promise<number>((resolve, reject) => {
      const secure = connectTls({ socket: connect({ port, host: "127.0.0.1", localAddress }), host: "127.0.0.1" });
      let text = "";
      secure.on("data", (bytes: Buffer) => (text += bytes.toString("latin1")));
      secure.on("close", () => resolve(Number(text.slice(9, 12))));
      secure.on("error", reject);
      secure.write(ask(server));
    });
  assert.deepEqual(await statuses(() => through("127.0.0.5")), counted);
  assert.equal(await through("127.0.0.6"), 401);
});

test("haproxy hands on HTTP and WebSockets with X-Forwarded-For", async (t) => {
  const server = await start(t, trusted);
  const port = await haproxy(t, server, `
listen chat
  mode http
  bind $IN
  option forwardfor
  server parley $SERVER`);
  const { host } = new URL(server.url);
  const before = server.url;
  server.url = `http://127.0.0.1:${String(port)}`;
  assert.deepEqual(await statuses((n) => status(server, { host, "x-forwarded-for": `198.51.100.${String(n)}` }, "127.0.0.5")), counted, "haproxy adds the true one");
  assert.equal(await status(server, { host }, "127.0.0.6"), 401);
  server.url = before;
  const ann = await server.person("ann", "owner");
  server.url = `http://127.0.0.1:${String(port)}`;
  const client = await Client.open(server, ann.token, { host });
  assert.ok("state" in (await client.start()));
  client.close();
  server.url = before;
});
