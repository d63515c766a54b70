/* Pages of other sites (cors.origins): what a browser would let them do, with a token and never with a cookie. */
import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { after, before, test } from "node:test";
import { ask, Client, cliIn, Server, until, type Answer, type Person } from "./harness.ts";

const app = "https://app.example";
const evil = "https://evil.example";

let server: Server;
let ann: Person;
let cookie: string;

before(async () => {
  server = await Server.start([`--cors.origins=${app}, http://other.example:8080`]);
  ann = await server.person("ann", "owner");
  const signedIn = await ask(server, "POST", "/session", { body: { login: "ann", password: "correct horse" } });
  cookie = (signedIn.headers.get("set-cookie") ?? "").split(";")[0] ?? "";
});
after(() => server.end());

const corsOf = (answer: { headers: Headers }): string[] => [...answer.headers.keys()].filter((name) => name.startsWith("access-control-")).sort();

function preflight(path: string, origin: string, method = "POST"): Promise<Response> {
  return fetch(`${server.url}${path}`, { method: "OPTIONS", headers: { origin, "access-control-request-method": method, "access-control-request-headers": "authorization,content-type" } });
}

test("a preflight of a listed origin is answered 204 with what the address takes", async () => {
  for (const [path, methods] of [
    ["/api/v1/rooms", "POST, GET, HEAD, OPTIONS"],
    ["/api/v1/me", "GET, HEAD, PATCH, OPTIONS"],
    ["/api/v1/events", "GET, HEAD, OPTIONS"],
  ] as const) {
    const answer = await preflight(path, app);
    assert.equal(answer.status, 204, path);
    assert.equal(await answer.text(), "");
    assert.equal(answer.headers.get("access-control-allow-origin"), app);
    assert.equal(answer.headers.get("access-control-allow-methods"), "GET, HEAD, POST, PUT, PATCH, DELETE");
    assert.equal(answer.headers.get("allow"), methods);
    assert.match(answer.headers.get("access-control-allow-headers") ?? "", /Authorization, Content-Type, Idempotency-Key/);
    assert.equal(answer.headers.get("access-control-max-age"), "7200");
    assert.equal(answer.headers.get("access-control-allow-credentials"), null);
    assert.equal(answer.headers.get("vary"), "Origin");
  }
});

test("a preflight goes well where there is nothing, so that the page sees the 404 itself", async () => {
  assert.deepEqual([(await preflight("/api/v1/no/such", app)).status, (await preflight("/api/v1/no/such", evil)).status], [204, 404]);
});

test("a preflight of any other origin gets no permission", async () => {
  for (const origin of [evil, "null", "https://app.example.org", "http://app.example", "https://app.example:8443"]) {
    const answer = await preflight("/api/v1/rooms", origin);
    assert.equal(answer.status, 204, origin);
    assert.deepEqual(corsOf(answer), [], origin);
  }
});

test("every answer names the listed origin, errors too, and never allows credentials", async () => {
  const ask_as = (method: string, path: string, options: Parameters<typeof ask>[3] = {}): Promise<Answer> => ask(server, method, path, { ...options, headers: { origin: app, ...options.headers } });
  const answers: [number, Answer][] = [
    [200, await ask_as("GET", "/me", { token: ann.token })],
    [401, await ask_as("GET", "/me")],
    [404, await ask_as("GET", "/nothing")],
    [405, await ask_as("DELETE", "/rooms", { token: ann.token })],
    [415, await ask_as("POST", "/rooms", { token: ann.token, body: "x", headers: { "content-type": "text/plain" } })],
    [201, await ask_as("POST", "/rooms", { token: ann.token, body: { name: "From afar" } })],
    [405, await ask_as("POST", "/events", { token: ann.token })],
  ];
  for (const [status, answer] of answers) {
    assert.equal(answer.status, status);
    assert.equal(answer.headers.get("access-control-allow-origin"), app, String(status));
    assert.equal(answer.headers.get("access-control-allow-credentials"), null);
    assert.equal(answer.headers.get("access-control-expose-headers"), "Allow, ETag, Retry-After");
    assert.match(answer.headers.get("vary") ?? "", /Origin/);
  }
  const own = await ask(server, "GET", "/me", { token: ann.token });
  assert.deepEqual([corsOf(own), own.headers.get("vary")?.includes("Origin")], [[], true]);
});

test("a listed page's cookie counts nothing, whatever the method; one of a page that is not listed neither", async () => {
  for (const [method, path, body] of [["GET", "/me"], ["GET", "/rooms"], ["POST", "/rooms", { name: "planted" }], ["PATCH", "/me", { status: "planted" }], ["DELETE", "/session"]] as const) {
    const answer = await ask(server, method, path, { headers: { cookie, origin: app, "sec-fetch-site": "cross-site" }, body });
    assert.deepEqual([answer.status, answer.body["code"]], [401, "sign_in_required"], `${method} ${path}`);
  }
  assert.equal((await ask(server, "GET", "/me", { headers: { cookie, origin: evil } })).status, 401);
  assert.equal((await ask(server, "POST", "/rooms", { headers: { cookie, origin: evil }, body: { name: "planted" } })).status, 403);
  assert.equal((await ask(server, "GET", "/me", { headers: { cookie } })).status, 200, "the cookie itself still works");
});

test("a listed page signs in for a token, and is given no cookie", async () => {
  const answer = await ask(server, "POST", "/session", { headers: { origin: app, "sec-fetch-site": "cross-site" }, body: { login: "ann", password: "correct horse" } });
  assert.equal(answer.status, 201);
  assert.equal(answer.headers.get("set-cookie"), null);
  const token = answer.body["token"] as string;
  assert.equal((await ask(server, "GET", "/me", { token, headers: { origin: app } })).status, 200);
  const ended = await ask(server, "DELETE", "/session", { token, headers: { origin: app } });
  assert.deepEqual([ended.status, ended.headers.get("set-cookie")], [200, null]);
  const url = (await ann.ask("POST", "/invites", {})).body["url"] as string;
  const joined = await ask(server, "POST", "/users", { headers: { origin: app }, body: { invite: url.split("#")[1], name: "eve", password: "correct horse" } });
  assert.deepEqual([joined.status, joined.headers.get("set-cookie")], [201, null]);
  const strange = await ask(server, "POST", "/session", { headers: { origin: evil }, body: { login: "ann", password: "correct horse", token: true } });
  assert.deepEqual([strange.status, strange.body["code"]], [403, "bad_origin"]);
});

test("a WebSocket of a listed page opens, its cookie is ignored, a token signs it in", async () => {
  const client = await Client.open(server, undefined, { origin: app, cookie });
  assert.equal(await client.code("user.me"), "sign_in_required");
  assert.equal(await client.code("session.authenticate", { token: ann.token }), "ok");
  assert.equal(await client.code("user.me"), "ok");
  client.close();
  await assert.rejects(Client.open(server, undefined, { origin: evil }), /status 403/);
});

test("an event stream of a listed page opens by ticket or token, not by cookie", async () => {
  const open = (headers: Record<string, string>, query = ""): Promise<Response> => fetch(`${server.url}/api/v1/events${query}`, { headers: { "sec-fetch-site": "cross-site", ...headers } });
  const ticket = (await ann.ask("POST", "/tickets")).body["ticket"] as string;
  for (const answer of [await open({ origin: app, authorization: `Bearer ${ann.token}` }), await open({ origin: app }, `?ticket=${ticket}`)]) {
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get("access-control-allow-origin"), app);
    await answer.body?.cancel();
  }
  const byCookie = await open({ origin: app, cookie });
  assert.equal(byCookie.status, 401);
  await byCookie.body?.cancel();
  const strange = await open({ origin: evil, authorization: `Bearer ${ann.token}` });
  assert.equal(strange.status, 403);
  await strange.body?.cancel();
});

test("pages, health and metrics are nobody else's", async () => {
  for (const path of ["/", "/healthz", "/metrics"]) {
    for (const method of ["GET", "OPTIONS"]) assert.deepEqual(corsOf(await fetch(`${server.url}${path}`, { method, headers: { origin: app, "access-control-request-method": "GET" } })), [], `${method} ${path}`);
  }
});

test("the server does not start with a star, or with what is no origin", async () => {
  for (const list of ["*", `${app},*`, "app.example", "https://app.example/", "https://app.example:443"]) {
    const { code, stderr } = await cliIn(`${server.folder}-none`, ["serve", "--listen=127.0.0.1:0", `--cors.origins=${list}`]);
    assert.equal(code, 1, list);
    assert.match(stderr, /cors\.origins/);
  }
  await rm(`${server.folder}-none`, { recursive: true, force: true });
  await until("the first server to answer still", async () => (await fetch(`${server.url}/healthz`)).ok);
});
