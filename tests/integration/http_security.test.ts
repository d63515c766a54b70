/* What strangers, foreign pages and crooked proxies may not do over HTTP. */
import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { gunzipSync, gzipSync } from "node:zlib";
import { ask, Client, Server, until, type Answer, type Json, type MessageJson, type Person } from "./harness.ts";
import { exchange, freePort, Line } from "./raw.ts";

const page = `<!doctype html><title>page</title>${"<p>a line of the page</p>".repeat(50)}`;
const script = `export const words = ${JSON.stringify("much of the same ".repeat(100))};`;
const header_timeout_ms = 400;
const max_header_bytes = 4096;
const max_body_bytes = 8192;

let web: string;
let server: Server;
let ann: Person;
let general: string;
let host: string;

before(async () => {
  web = await mkdtemp(join(tmpdir(), "parley-web-"));
  await mkdir(join(web, "dist", "assets"), { recursive: true });
  await writeFile(join(web, "secret.txt"), "nobody outside may read this");
  await writeFile(join(web, "dist", "index.html"), page);
  await writeFile(join(web, "dist", "index.html.gz"), gzipSync(page));
  await writeFile(join(web, "dist", "assets", "app-1a2b3c4d.js"), script);
  await writeFile(join(web, "dist", "assets", "app-1a2b3c4d.js.gz"), gzipSync(script));
  server = await Server.start([
    `--web=${join(web, "dist")}`,
    `--net.header_timeout_ms=${String(header_timeout_ms)}`,
    `--net.body_timeout_ms=${String(header_timeout_ms)}`,
    `--net.close_timeout_ms=200`,
    `--net.max_header_bytes=${String(max_header_bytes)}`,
    `--net.max_body_bytes=${String(max_body_bytes)}`,
  ]);
  ann = await server.person("ann", "owner");
  general = await ann.room("general");
  host = new URL(server.url).host;
});
after(async () => {
  await server.end();
  await rm(web, { recursive: true, force: true });
});

/** Text that the server must read as a request line and headers. */
const head = (...lines: string[]): string => `${lines.join("\r\n")}\r\n\r\n`;

function signIn(): Promise<Answer> {
  return ask(server, "POST", "/session", { body: { login: "ann", password: "correct horse" } });
}

const codeIn = (line: Line): string => /"code": ?"(\w+)"/.exec(line.text)?.[1] ?? "";

/* ---- two parsers that could disagree: refused, and the connection ends ---- */

const chunked = ["Transfer-Encoding: chunked"];
const next = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
const post = (headers: string[], body: string): string => head("POST /api/v1/session HTTP/1.1", "Host: HOST", "Content-Type: application/json", ...headers) + body;

const smuggling: [string, string][] = [
  ["Content-Length and Transfer-Encoding", post(["Content-Length: 5", ...chunked], "0\r\n\r\n")],
  ["Transfer-Encoding and Content-Length", post([...chunked, "Content-Length: 5"], "0\r\n\r\n")],
  ["two Content-Lengths that differ", post(["Content-Length: 2", "Content-Length: 3"], "{} ")],
  ["two Content-Lengths alike", post(["Content-Length: 2", "Content-Length: 2"], "{}")],
  ["a list of Content-Lengths", post(["Content-Length: 2, 2"], "{}")],
  ["a signed Content-Length", post(["Content-Length: +2"], "{}")],
  ["a negative Content-Length", post(["Content-Length: -2"], "{}")],
  ["a Content-Length in hexadecimal", post(["Content-Length: 0x2"], "{}")],
  ["a Content-Length beyond 64 bits", post(["Content-Length: 18446744073709551618"], "{}")],
  ["an empty Content-Length", post(["Content-Length:"], "{}")],
  ["two Transfer-Encodings", post([...chunked, "Transfer-Encoding: identity"], "0\r\n\r\n")],
  ["a Transfer-Encoding that is not the last", post(["Transfer-Encoding: chunked, identity"], "0\r\n\r\n")],
  ["an unknown Transfer-Encoding", post(["Transfer-Encoding: xchunked"], "0\r\n\r\n")],
  ["Transfer-Encoding with a space before the colon", post(["Transfer-Encoding : chunked"], "0\r\n\r\n")],
  ["Transfer-Encoding in HTTP/1.0", head("POST /api/v1/session HTTP/1.0", "Host: HOST", ...chunked) + "0\r\n\r\n"],
  ["a folded header", post(["Content-Length: 2", "X-Folded: a", " b"], "{}")],
  ["a folded Transfer-Encoding", post(["Transfer-Encoding:", " chunked"], "0\r\n\r\n")],
  ["a space before the first header", "GET / HTTP/1.1\r\n Host: HOST\r\n\r\n"],
  ["a bare LF after the request line", "GET / HTTP/1.1\nHost: HOST\r\n\r\n"],
  ["a bare LF after a header", "GET / HTTP/1.1\r\nHost: HOST\n\r\n"],
  ["a bare LF at the end", "GET / HTTP/1.1\r\nHost: HOST\r\n\n"],
  ["a bare CR in a value", "GET / HTTP/1.1\r\nHost: HOST\r\nX: a\rb\r\n\r\n"],
  ["a chunk's size that is no number", post(chunked, "zz\r\n{}\r\n0\r\n\r\n")],
  ["a chunk's size with a sign", post(chunked, "+2\r\n{}\r\n0\r\n\r\n")],
  ["a chunk's size with 0x", post(chunked, "0x2\r\n{}\r\n0\r\n\r\n")],
  ["a chunk's size beyond 64 bits", post(chunked, "10000000000000002\r\n{}\r\n0\r\n\r\n")],
  ["a chunk longer than it says", post(chunked, "2\r\n{}{}\r\n0\r\n\r\n")],
  ["a chunk that ends with LF", post(chunked, "2\r\n{}\n0\r\n\r\n")],
  ["a chunk's size that ends with LF", post(chunked, "2\n{}\r\n0\r\n\r\n")],
  ["an empty chunk's size", post(chunked, "\r\n{}\r\n0\r\n\r\n")],
  ["a bare LF in the trailers", post(chunked, "0\r\nX: a\n\r\n")],
  ["NUL in a value", "GET / HTTP/1.1\r\nHost: HOST\r\nX: a\0b\r\n\r\n"],
  ["NUL in a name", "GET / HTTP/1.1\r\nHost: HOST\r\nX\0: a\r\n\r\n"],
  ["NUL in the address", "GET /\0 HTTP/1.1\r\nHost: HOST\r\n\r\n"],
  ["two Hosts that differ", head("GET / HTTP/1.1", "Host: HOST", "Host: evil.example")],
  ["two Hosts alike", head("GET / HTTP/1.1", "Host: HOST", "Host: HOST")],
  ["no Host", head("GET / HTTP/1.1", "X: a")],
  ["a header without a name", head("GET / HTTP/1.1", "Host: HOST", ": a")],
  ["a header without a colon", head("GET / HTTP/1.1", "Host: HOST", "lonely")],
  ["a whole address as target with a user's name", head("GET http://evil.example@HOST/ HTTP/1.1", "Host: HOST")],
  ["a whole address without a host", head("GET http:///x HTTP/1.1", "Host: HOST")],
  ["a whole address with a port that is none", head("GET http://127.0.0.1:99999/ HTTP/1.1", "Host: HOST")],
  ["a whole address with a fragment", head("GET http://HOST/#a HTTP/1.1", "Host: HOST")],
  ["a whole address of another scheme", head("GET ftp://HOST/ HTTP/1.1", "Host: HOST")],
  ["a whole address and no Host", head("GET http://HOST/ HTTP/1.1", "X: a")],
  ["a whole address and two Hosts", head("GET http://HOST/ HTTP/1.1", "Host: HOST", "Host: HOST")],
  ["a whole address and a Host that is none", head("GET http://HOST/ HTTP/1.1", "Host: a/b")],
  ["a fragment behind a query", head("GET /?a#b HTTP/1.1", "Host: HOST")],
  ["CONNECT", head("CONNECT HOST HTTP/1.1", "Host: HOST")],
  ["an asterisk with GET", head("GET * HTTP/1.1", "Host: HOST")],
  ["a Host with a user's name", head("GET / HTTP/1.1", "Host: evil.example@HOST")],
  ["a Host with a path", head("GET / HTTP/1.1", "Host: HOST/a")],
  ["a list of Hosts", head("GET / HTTP/1.1", "Host: HOST, HOST")],
  ["a Host with a port that is none", head("GET / HTTP/1.1", "Host: 127.0.0.1:http")],
  ["two spaces in the request line", head("GET  / HTTP/1.1", "Host: HOST")],
  ["no version", head("GET /", "Host: HOST")],
  ["a Content-Length in two words", post(["Content-Length: 2 2"], "{}")],
  ["Transfer-Encoding after a vertical tab", post(["Transfer-Encoding: \vchunked"], "0\r\n\r\n")],
  ["Transfer-Encoding in quotes", post(['Transfer-Encoding: "chunked"'], "0\r\n\r\n")],
  ["a chunk without a line end after it", post(chunked, "2\r\n{}0\r\n\r\n")],
  ["a bare LF in a chunk's extension", post(chunked, "2;a\nb\r\n{}\r\n0\r\n\r\n")],
  ["a folded trailer", post(chunked, "2\r\n{}\r\n0\r\nX: a\r\n b\r\n\r\n")],
  ["a Host with a space before the colon", head("GET / HTTP/1.1", "Host : HOST")],
];

for (const [what, text] of smuggling)
  test(`refused, and the connection ends: ${what}`, async () => {
    const line = await exchange(server, text.replaceAll("HOST", host) + next);
    assert.equal(line.statuses.length, 1, line.text);
    assert.ok([400, 413, 501, 505].includes(line.statuses[0] ?? 0), line.text);
    assert.match(line.text, /^Connection: close\r$/m);
    assert.match(line.text, /^Content-Type: application\/problem\+json\r$/m);
    assert.ok(["invalid_request", "not_implemented", "too_large", "version_not_supported"].includes(codeIn(line)), line.text);
  });

test("what is in order goes on: two requests on one line, chunks, trailers", async () => {
  const line = await Line.open(server.url);
  const body = JSON.stringify({ login: "ann", password: "wrong horse" });
  const chunks = `${body.length.toString(16)};note=1\r\n${body}\r\n0\r\nX-Trailer: a\r\n\r\n`;
  line.write(post(chunked, chunks).replaceAll("HOST", host) + next);
  await until("both answers", () => line.statuses.length === 2);
  assert.deepEqual(line.statuses, [401, 200]);
  assert.equal(line.ended, false);
  line.close();
});

/* ---- limits ---- */

test("headers, body and address have limits, each with its status, and the connection ends", async () => {
  const get = head("GET /healthz HTTP/1.1", `Host: ${host}`, `X: ${"a".repeat(max_header_bytes)}`);
  const cases: [number, string, string][] = [
    [431, "headers_too_large", get],
    [431, "headers_too_large", head("GET /healthz HTTP/1.1", `Host: ${host}`, ...Array.from({ length: 200 }, () => "X: a"))],
    [413, "too_large", post([`Content-Length: ${String(max_body_bytes + 1)}`], "").replaceAll("HOST", host)],
    [413, "too_large", post(chunked, `${(max_body_bytes + 1).toString(16)}\r\n${" ".repeat(max_body_bytes + 1)}\r\n0\r\n\r\n`).replaceAll("HOST", host)],
  ];
  for (const [status, code, bytes] of cases) {
    const line = await exchange(server, bytes);
    assert.deepEqual([line.statuses, codeIn(line)], [[status], code]);
    assert.match(line.text, /^Connection: close\r$/m);
  }
});

test("an address longer than any is refused with 414", async () => {
  const wide = await Server.start(["--net.max_header_bytes=64KiB"]);
  try {
    const line = await exchange(wide, head(`GET /${"a".repeat(9000)} HTTP/1.1`, `Host: ${new URL(wide.url).host}`));
    assert.deepEqual([line.statuses, codeIn(line)], [[414], "uri_too_long"]);
  } finally {
    await wide.end();
  }
});

test("headers and bodies that do not come to an end are answered 408; a line on which nothing comes is closed", async () => {
  for (const bytes of ["GET / HT", post(["Content-Length: 10"], "{").replaceAll("HOST", host)]) {
    const began = Date.now();
    const line = await exchange(server, bytes);
    assert.deepEqual([line.statuses, codeIn(line)], [[408], "timeout"]);
    assert.ok(Date.now() - began >= header_timeout_ms - 50);
  }
  assert.equal((await exchange(server, "")).text, "");
});

test("one byte after the other does not stretch the time for the headers", async () => {
  const line = await Line.open(server.url);
  const drip = setInterval(() => line.write("a"), 50);
  line.write("GET /");
  await until("the refusal", () => line.statuses.length === 1, header_timeout_ms * 10);
  clearInterval(drip);
  assert.deepEqual(line.statuses, [408]);
  line.close();
});

test("one byte after the other does not stretch the time for a body, with a length or in chunks", async () => {
  for (const headers of [["Content-Length: 8000"], chunked]) {
    const line = await Line.open(server.url);
    line.write(post(headers, "").replaceAll("HOST", host));
    const began = Date.now();
    const drip = setInterval(() => line.write(headers === chunked ? "1\r\n \r\n" : " "), 20);
    await until("the refusal", () => line.statuses.length === 1, header_timeout_ms * 10);
    clearInterval(drip);
    assert.deepEqual([line.statuses, codeIn(line)], [[408], "timeout"]);
    assert.match(line.text, /^Connection: close\r$/m);
    assert.ok(Date.now() - began >= header_timeout_ms - 50);
    line.close();
  }
});

/* ---- methods ---- */

test("a method that an address does not take is answered 405 with Allow", async () => {
  const cases: [string, string, string[]][] = [
    ["DELETE", "/rooms", ["GET", "HEAD", "OPTIONS", "POST"]],
    ["PUT", "/me", ["GET", "HEAD", "OPTIONS", "PATCH"]],
    ["GET", "/session", ["DELETE", "OPTIONS", "POST"]],
    ["POST", `/rooms/${general}`, ["GET", "HEAD", "OPTIONS", "PATCH"]],
  ];
  for (const [method, path, allowed] of cases) {
    const { status, body, headers } = await ann.ask(method, path);
    assert.deepEqual([status, body["code"]], [405, "method_not_allowed"], path);
    assert.deepEqual(headers.get("allow")?.split(", ").sort(), allowed, path);
  }
  for (const method of ["POST", "PUT", "DELETE"]) {
    const { status, headers } = await fetch(`${server.url}/`, { method });
    assert.deepEqual([status, headers.get("allow")], [405, "GET, HEAD, OPTIONS"]);
  }
  const unknown = await exchange(server, head("BREW / HTTP/1.1", `Host: ${host}`));
  assert.deepEqual([unknown.statuses, codeIn(unknown)], [[501], "not_implemented"]);
  const old = await exchange(server, head("GET / HTTP/2.5", `Host: ${host}`));
  assert.deepEqual([old.statuses, codeIn(old)], [[505], "version_not_supported"]);
});

test("HEAD answers what GET does, without the body", async () => {
  for (const path of ["/", "/assets/app-1a2b3c4d.js", "/healthz", "/nothing.txt"]) {
    const [get, only] = await Promise.all(["GET", "HEAD"].map((method) => fetch(`${server.url}${path}`, { method, headers: { "accept-encoding": "identity" } })));
    assert.ok(get && only);
    assert.equal(only.status, get.status, path);
    for (const name of ["content-length", "content-type", "etag", "cache-control"]) assert.equal(only.headers.get(name), get.headers.get(name), `${path} ${name}`);
    assert.equal(await only.text(), "");
  }
  const line = await Line.open(server.url);
  line.write(head("HEAD /api/v1/me HTTP/1.1", `Host: ${host}`, `Authorization: Bearer ${ann.token}`) + next);
  await until("both answers", () => line.statuses.length === 2);
  assert.equal(line.text.includes('"ann"'), false);
  line.close();
});

/* ---- hosts, origins, cookies ---- */

const upgrade = ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13", `Sec-WebSocket-Key: ${Buffer.alloc(16).toString("base64")}`];

test("an unknown Host is answered 421, on the page, the API and a socket; no link is made of it", async () => {
  for (const [path, more] of [["/", []], ["/api/v1/me", []], ["/metrics", []], ["/api/v1/ws", upgrade]] as const) {
    for (const foreign of ["evil.example", `evil.example:${new URL(server.url).port}`, "127.0.0.1", `evil.example.${host}`]) {
      const line = await Line.open(server.url);
      line.write(head(`GET ${path} HTTP/1.1`, `Host: ${foreign}`, `Authorization: Bearer ${ann.token}`, ...more));
      await until("the answer", () => line.statuses.length === 1);
      assert.deepEqual([line.statuses, codeIn(line)], [[421], "unknown_host"], `${path} ${foreign}`);
      line.close();
    }
  }
  for (const known of ["localhost", "127.0.0.1", "[::1]"]) {
    const line = await Line.open(server.url);
    line.write(head("GET / HTTP/1.1", `Host: ${known}:${new URL(server.url).port}`));
    await until("the answer", () => line.statuses.length === 1);
    assert.deepEqual(line.statuses, [200], known);
    line.close();
  }
  const { body } = await ann.ask("POST", "/invites", {});
  assert.ok((body["url"] as string).startsWith(`${server.url}/`));
});

/** Sends the requests on one connection and waits for all answers. */
async function statusesOf(at: Server, ...requests: string[]): Promise<Line> {
  const line = await Line.open(at.url);
  line.write(requests.join(""));
  await until("the answers", () => line.statuses.length === requests.length);
  line.close();
  return line;
}

test("a whole address as target is taken as its path is, and the next request after it", async () => {
  const me = [`Host: ${host}`, `Authorization: Bearer ${ann.token}`];
  const whole = await statusesOf(server, head(`GET http://${host}/api/v1/me?a=b HTTP/1.1`, ...me), head(`GET HTTP://${host} HTTP/1.1`, ...me), head("GET /api/v1/me HTTP/1.1", ...me), next);
  assert.deepEqual(whole.statuses, [200, 200, 200, 200]);
  const bodies = whole.text.split(/HTTP\/1\.1 200[^]*?\r\n\r\n/).slice(1);
  assert.match(bodies[0] ?? "", /"ann"/);
  assert.deepEqual(bodies.slice(0, 3), [bodies[2], page, bodies[2]]);
  const body = JSON.stringify({ nonce: "whole", text: "by a whole address" });
  const sent = await statusesOf(server, head(`POST http://${host}/api/v1/rooms/${general}/messages HTTP/1.1`, ...me, "Content-Type: application/json", `Content-Length: ${String(body.length)}`) + body, next);
  assert.deepEqual(sent.statuses, [201, 200]);
  const socket = await statusesOf(server, head(`GET http://${host}/api/v1/ws HTTP/1.1`, ...me, ...upgrade));
  assert.deepEqual(socket.statuses, [101]);
});

test("the host in a whole address counts, and Host beside it does not", async () => {
  const bearer = `Authorization: Bearer ${ann.token}`;
  for (const [path, status, more] of [["/", 200, []], ["/api/v1/me", 200, []], ["/api/v1/ws", 101, upgrade]] as const) {
    for (const foreign of ["evil.example", `evil.example:${new URL(server.url).port}`, "127.0.0.1"]) {
      const refused = await statusesOf(server, head(`GET http://${foreign}${path} HTTP/1.1`, `Host: ${host}`, bearer, ...more));
      assert.deepEqual([refused.statuses, codeIn(refused)], [[421], "unknown_host"], `${foreign} ${path}`);
      const taken = await statusesOf(server, head(`GET http://${host}${path} HTTP/1.1`, `Host: ${foreign}`, bearer, ...more));
      assert.deepEqual(taken.statuses, [status], `${foreign} ${path}`);
    }
  }
  const nameless = await statusesOf(server, head(`GET http://${host}/ HTTP/1.1`, "Host:"), head("GET / HTTP/1.1", "Host:"));
  assert.deepEqual(nameless.statuses, [200, 421]);
});

test("a page of another site is one by a whole address too", async () => {
  const cookie = ((await signIn()).headers.get("set-cookie") ?? "").split(";")[0] ?? "";
  for (const [origin, status] of [["http://evil.example", 403], [server.url, 200]] as const) {
    const answer = await statusesOf(server, head(`DELETE http://${host}/api/v1/session HTTP/1.1`, "Host: evil.example", `Origin: ${origin}`, `Cookie: ${cookie}`));
    assert.deepEqual(answer.statuses, [status], origin);
  }
});

test("the scheme in a whole address is the site's own", async () => {
  const other = await statusesOf(server, head(`GET https://${host}/ HTTP/1.1`, `Host: ${host}`), head(`OPTIONS https://${host} HTTP/1.1`, `Host: ${host}`));
  assert.deepEqual([other.statuses, codeIn(other)], [[421, 421], "unknown_host"]);
  const address = `127.0.0.1:${String(await freePort())}`;
  const secure = await Server.start(["--public_url=https://chat.example.org", `--listen=${address}`]);
  secure.url = `http://${address}`;
  try {
    const name = "Host: chat.example.org";
    const line = await statusesOf(secure, head("GET https://chat.example.org/api/v1/me HTTP/1.1", name), head("GET http://chat.example.org/api/v1/me HTTP/1.1", name));
    assert.deepEqual(line.statuses, [401, 421]);
  } finally {
    await secure.end();
  }
});

test("OPTIONS * is answered with every method there is, to those who name the site", async () => {
  const asked = [head("OPTIONS * HTTP/1.1", `Host: ${host}`), head(`OPTIONS http://${host} HTTP/1.1`, "Host: evil.example"), head(`OPTIONS http://${host}/ HTTP/1.1`, `Host: ${host}`)];
  const line = await statusesOf(server, ...asked, next);
  assert.deepEqual(line.statuses, [204, 204, 204, 200]);
  const every = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";
  assert.deepEqual([...line.text.matchAll(/^Allow: (.*)\r$/gm)].map((match) => match[1]), [every, every, "GET, HEAD, OPTIONS"]);
  const foreign = await statusesOf(server, head("OPTIONS * HTTP/1.1", "Host: evil.example"), head("OPTIONS http://evil.example HTTP/1.1", `Host: ${host}`));
  assert.deepEqual(foreign.statuses, [421, 421]);
});

test("no request of another site changes anything, whatever the method, with the cookie", async () => {
  const cookie = ((await signIn()).headers.get("set-cookie") ?? "").split(";")[0] ?? "";
  const room = await ann.makeRoom("Kept");
  const requests: [string, string, Json?][] = [
    ["PATCH", `/rooms/${room}`, { name: "taken" }],
    ["POST", `/rooms/${room}/messages`, { nonce: "n", text: "planted" }],
    ["POST", "/rooms", { name: "planted" }],
    ["POST", "/invites", {}],
    ["POST", "/me/password", { old_password: "correct horse", new_password: "stolen horse" }],
    ["DELETE", "/session"],
  ];
  for (const origin of ["https://evil.example", "null", `${server.url}.evil.example`, server.url.replace("http:", "https:"), "http://127.0.0.1", ""]) {
    for (const [method, path, body] of requests) {
      const answer = await ask(server, method, path, { headers: { cookie, origin }, body });
      assert.deepEqual([answer.status, answer.body["code"]], [403, "bad_origin"], `${method} ${path} ${origin}`);
    }
    await assert.rejects(Client.open(server, undefined, { cookie, origin }), /status 403/);
  }
  await assert.rejects(Client.open(server, undefined, { origin: "https://evil.example" }), /status 403/);
  await assert.rejects(Client.open(server, undefined, { cookie }), /status 403/);
  assert.equal((await ask(server, "GET", "/me", { headers: { cookie } })).status, 200);
  assert.deepEqual((await ann.rooms()).map((one) => one["name"]).sort(), ["Kept", "general"]);
  assert.deepEqual(await ann.history(room), []);
});

test("no answer invites another origin in", async () => {
  for (const path of ["/", "/api/v1/me", "/healthz"]) {
    for (const method of ["GET", "OPTIONS"]) {
      const { headers } = await fetch(`${server.url}${path}`, { method, headers: { origin: "https://evil.example", "access-control-request-method": "POST" } });
      for (const name of headers.keys()) assert.equal(name.startsWith("access-control"), false, `${method} ${path} ${name}`);
    }
  }
});

test("the cookie is for the server's own pages alone, Secure where public_url is https", async () => {
  const flags = (answer: Answer): string[] => (answer.headers.get("set-cookie") ?? "").split("; ").slice(1).sort();
  assert.deepEqual(flags(await signIn()).map((flag) => flag.replace(/=\d+/, "")), ["HttpOnly", "Max-Age", "Path=/", "SameSite=Strict"]);
  const port = await freePort();
  const secure = await Server.start(["--public_url=https://chat.example.org", `--listen=127.0.0.1:${String(port)}`]);
  try {
    await secure.person("ann", "owner");
    const body = JSON.stringify({ login: "ann", password: "correct horse" });
    const line = await Line.open(`http://127.0.0.1:${String(port)}`);
    line.write(head("POST /api/v1/session HTTP/1.1", "Host: chat.example.org", "Content-Type: application/json", `Content-Length: ${String(body.length)}`) + body);
    await until("the answer", () => line.statuses.length === 1);
    assert.match(line.text, /^Set-Cookie: [^\r]*; Secure\r$/m);
    line.close();
  } finally {
    await secure.end();
  }
});

/* ---- pages ---- */

test("the page and every answer carry their security headers", async () => {
  const { headers } = await fetch(`${server.url}/`);
  const policy = headers.get("content-security-policy") ?? "";
  for (const rule of ["default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "base-uri 'none'", "form-action 'self'", "frame-ancestors 'none'"])
    assert.ok(policy.split("; ").includes(rule), rule);
  assert.doesNotMatch(policy, /unsafe|\*|https?:/);
  assert.equal(headers.get("cross-origin-opener-policy"), "same-origin");
  assert.match(headers.get("permissions-policy") ?? "", /camera=\(\)/);
  for (const path of ["/", "/assets/app-1a2b3c4d.js", "/api/v1/me", "/api/v1/none", "/none.txt", "/healthz"]) {
    const answer = await fetch(`${server.url}${path}`);
    assert.equal(answer.headers.get("x-content-type-options"), "nosniff", path);
    assert.equal(answer.headers.get("referrer-policy"), "no-referrer", path);
    assert.equal(answer.headers.get("server"), null, path);
    if (path.startsWith("/api")) assert.equal(answer.headers.get("cache-control"), "no-store", path);
  }
});

test("nothing outside the folder of the web client is served, however it is spelt", async () => {
  const up = ["..", "%2e%2e", "%2E.", "..%2f..", ".%00.", "%252e%252e", "..%5c", "..\\", "....//", "%c0%ae%c0%ae"];
  const paths = up.flatMap((step) => [`/${step}/secret.txt`, `/assets/${step}/${step}/secret.txt`, `/assets/${step}/../secret.txt`]);
  for (const path of [...paths, `//${web}/secret.txt`, `/${web}/secret.txt`, "/etc/passwd", "/../../../../etc/passwd", "/assets", "/assets/", "/index.html.gz"]) {
    const line = await Line.open(server.url);
    line.write(head(`GET ${path} HTTP/1.1`, `Host: ${host}`));
    await until("the answer", () => line.statuses.length === 1);
    assert.equal(/nobody outside|root:/.test(line.text), false, path);
    assert.ok([400, 404].includes(line.statuses[0] ?? 0) || line.text.includes("<!doctype html>"), `${path}: ${line.text}`);
    line.close();
  }
});

test("the page is asked for anew each time and answered 304; hashed files are kept for ever", async () => {
  const first = await fetch(`${server.url}/`);
  const etag = first.headers.get("etag") ?? "";
  assert.match(etag, /^"[^"]+"$/);
  assert.equal(first.headers.get("cache-control"), "no-cache");
  assert.equal((await fetch(`${server.url}/assets/app-1a2b3c4d.js`)).headers.get("cache-control"), "public, max-age=31536000, immutable");
  for (const tag of [etag, `W/${etag}`, `"other", ${etag}`, "*"]) {
    const again = await fetch(`${server.url}/`, { headers: { "if-none-match": tag, "cache-control": "no-cache" } });
    assert.equal(again.status, 304, tag);
    assert.equal(await again.text(), "");
    assert.equal(again.headers.get("etag"), etag);
  }
  assert.equal((await fetch(`${server.url}/`, { headers: { "if-none-match": '"other"', "cache-control": "no-cache" } })).status, 200);
});

test("gzip goes to those who take it, as it was packed beforehand, under a tag of its own", async () => {
  const get = async (encoding: string): Promise<Line> => {
    const line = await Line.open(server.url);
    line.write(head("GET /assets/app-1a2b3c4d.js HTTP/1.1", `Host: ${host}`, ...(encoding ? [`Accept-Encoding: ${encoding}`] : []), "Connection: close"));
    await line.end();
    return line;
  };
  const bodyOf = (line: Line): Buffer => line.bytes.subarray(line.text.indexOf("\r\n\r\n") + 4);
  const tags = new Set<string>();
  for (const encoding of ["gzip", "br, gzip;q=0.5", "GZIP"]) {
    const line = await get(encoding);
    assert.match(line.text, /^Content-Encoding: gzip\r$/m, encoding);
    assert.match(line.text, /^Vary: Accept-Encoding\r$/m);
    assert.equal(gunzipSync(bodyOf(line)).toString(), script);
    tags.add(/^ETag: (.*)\r$/m.exec(line.text)?.[1] ?? "");
  }
  for (const encoding of ["", "identity", "br", "gzip;q=0", "gzip; q=0"]) {
    const line = await get(encoding);
    assert.doesNotMatch(line.text, /Content-Encoding/, encoding);
    assert.match(line.text, /^Vary: Accept-Encoding\r$/m);
    assert.equal(bodyOf(line).toString(), script);
    tags.add(/^ETag: (.*)\r$/m.exec(line.text)?.[1] ?? "");
  }
  assert.equal(tags.size, 2);
});

/* ---- what is gone, and what is not there ---- */

test("a private room's address answers like that of a room that never was, under every operation", async () => {
  const bob = await server.person("bob");
  const room = await ann.makeRoom("Hidden", true);
  const sent = ((await ann.send(room, "hidden text")).body["message"] as MessageJson).id;
  const requests: [string, (id: string) => string, Json?][] = [
    ["GET", (id) => `/rooms/${id}`],
    ["PATCH", (id) => `/rooms/${id}`, { name: "x" }],
    ["POST", (id) => `/rooms/${id}/join`],
    ["POST", (id) => `/rooms/${id}/leave`],
    ["GET", (id) => `/rooms/${id}/members`],
    ["GET", (id) => `/rooms/${id}/messages`],
    ["POST", (id) => `/rooms/${id}/messages`, { nonce: "p1", text: "x" }],
    ["PATCH", (id) => `/rooms/${id}/messages/${sent}`, { text: "x" }],
    ["DELETE", (id) => `/rooms/${id}/messages/${sent}`],
    ["POST", (id) => `/rooms/${id}/typing`],
  ];
  for (const [method, path, body] of requests) {
    const [hidden, missing] = [await bob.ask(method, path(room), body), await bob.ask(method, path(crypto.randomUUID()), body)];
    assert.equal(hidden.status, 404, `${method} ${path("")}`);
    assert.deepEqual([hidden.status, hidden.body], [missing.status, missing.body]);
  }
});

test("a text deleted or edited away is in no file of the folder", async () => {
  const [deleted, edited, kept] = ["canary-deleted-4c1f", "canary-edited-9b2e", "canary-kept-77aa"];
  const ids = await Promise.all([deleted, edited, kept].map(async (text) => ((await ann.send(general, `${text} ${"x".repeat(500)}`)).body["message"] as MessageJson).id));
  /* By name: files come and go, and not one may be missed. */
  const holds = async (text: string): Promise<string[]> => {
    const names = (await readdir(server.folder)).filter((name) => name !== "control.sock");
    const bytes = await Promise.all(names.map((name) => readFile(join(server.folder, name)).catch(() => Buffer.alloc(0))));
    return names.filter((_, at) => bytes[at]?.includes(text));
  };
  for (const text of [deleted, edited, kept]) assert.notEqual((await holds(text)).length, 0, text);
  assert.equal((await ann.ask("DELETE", `/rooms/${general}/messages/${ids[0] ?? ""}`)).status, 200);
  assert.equal((await ann.ask("PATCH", `/rooms/${general}/messages/${ids[1] ?? ""}`, { text: "harmless" })).status, 200);
  await until("the deleted text to be gone", async () => (await holds(deleted)).length === 0);
  await until("the edited text to be gone", async () => (await holds(edited)).length === 0);
  assert.notEqual((await holds(kept)).length, 0);
  await server.stop();
  assert.deepEqual([await holds(deleted), await holds(edited)], [[], []]);
  await server.run();
  const texts = (await ann.history(general)).map((one) => one.text);
  assert.ok(texts.includes("harmless") && !texts.some((text) => text.includes(deleted)));
});
