/* REST whole: problem details on every error, Idempotency-Key, ETag, OPTIONS, requests one behind the other. */
import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { ask, Server, until, type Answer, type Json, type MessageJson, type Person } from "./harness.ts";
import { exchange, Line } from "./raw.ts";

let server: Server;
let ann: Person;
let bob: Person;
let general: string;
let host: string;

before(async () => {
  server = await Server.start(["--net.max_body_bytes=65536"]);
  ann = await server.person("ann", "owner");
  bob = await server.person("bob");
  general = await ann.room("general");
  host = new URL(server.url).host;
});
after(() => server.end());

/* ---- errors ---- */

test("every error is problem details, with the header that its status asks for", async () => {
  const slow = await Server.start(["--limits.rate=on", "--limits.person_burst=1", "--limits.person_rate=1"]);
  const cat = await slow.person("cat", "owner");
  const cases: [number, string, Promise<Answer>, [string, RegExp]?][] = [
    [400, "invalid_json", ann.ask("POST", "/rooms", "{")],
    [400, "missing_field", ann.ask("POST", "/rooms", {})],
    [400, "invalid_field", ann.ask("GET", "/rooms?limit=0")],
    [400, "invalid_field", ask(server, "GET", "/events?room=x", { token: ann.token })],
    [401, "sign_in_required", ask(server, "GET", "/me"), ["www-authenticate", /^Bearer$/]],
    [401, "invalid_token", ask(server, "GET", "/me", { token: "pk_none" }), ["www-authenticate", /^Bearer$/]],
    [401, "sign_in_required", ask(server, "GET", "/events"), ["www-authenticate", /^Bearer$/]],
    [403, "forbidden", bob.ask("POST", "/invites", {})],
    [403, "bad_origin", ask(server, "POST", "/session", { headers: { origin: "https://evil.example" }, body: { login: "ann", password: "x" } })],
    [404, "not_found", ann.ask("GET", `/rooms/${crypto.randomUUID()}`)],
    [404, "unknown_operation", ann.ask("GET", "/no/such/address")],
    [404, "unknown_operation", ask(server, "OPTIONS", "/no/such/address")],
    [405, "method_not_allowed", ann.ask("PUT", "/rooms"), ["allow", /^POST, GET, HEAD, OPTIONS$/]],
    [405, "method_not_allowed", ask(server, "POST", "/events"), ["allow", /^GET, HEAD, OPTIONS$/]],
    [405, "method_not_allowed", ask(server, "PUT", "/ws"), ["allow", /^GET, OPTIONS$/]],
    [413, "too_large", ann.ask("POST", "/rooms", { name: "x".repeat(70_000) })],
    [415, "unsupported_media_type", ask(server, "POST", "/rooms", { token: ann.token, body: "name=x", headers: { "content-type": "text/plain" } })],
    [426, "upgrade_required", ask(server, "GET", "/ws"), ["upgrade", /^websocket$/]],
    [429, "rate_limited", (await cat.ask("GET", "/me"), cat.ask("GET", "/me")), ["retry-after", /^[1-9]\d*$/]],
    [431, "headers_too_large", ask(server, "GET", "/me", { headers: { "x-much": "x".repeat(20_000) } })],
  ];
  for (const [status, code, promise, header] of cases) {
    const answer = await promise;
    assert.deepEqual([answer.status, answer.body["code"]], [status, code]);
    assert.equal(answer.headers.get("content-type"), "application/problem+json", code);
    assert.deepEqual([answer.body["type"], answer.body["status"], typeof answer.body["title"], typeof answer.body["message"]], ["about:blank", status, "string", "string"], code);
    if (header) assert.match(answer.headers.get(header[0]) ?? "", header[1], code);
  }
  await slow.end();
});

test("what is no API but has one method is told so too", async () => {
  for (const path of ["/healthz", "/readyz", "/metrics"]) {
    const wrong = await fetch(`${server.url}${path}`, { method: "POST" });
    assert.deepEqual([wrong.status, wrong.headers.get("allow"), wrong.headers.get("content-type")], [405, "GET, HEAD, OPTIONS", "application/problem+json"], path);
    assert.equal(((await wrong.json()) as Json)["code"], "method_not_allowed");
  }
});

test("OPTIONS answers 204 with what the address takes, to anybody", async () => {
  for (const [path, allow] of [
    ["/api/v1/rooms", "POST, GET, HEAD, OPTIONS"],
    ["/api/v1/me", "GET, HEAD, PATCH, OPTIONS"],
    [`/api/v1/rooms/${general}/messages/x`, "PATCH, DELETE, OPTIONS"],
    ["/api/v1/events", "GET, HEAD, OPTIONS"],
    ["/api/v1/ws", "GET, OPTIONS"],
    ["/healthz", "GET, HEAD, OPTIONS"],
    ["/metrics", "GET, HEAD, OPTIONS"],
    ["/", "GET, HEAD, OPTIONS"],
  ] as const) {
    const answer = await fetch(`${server.url}${path}`, { method: "OPTIONS" });
    assert.deepEqual([answer.status, answer.headers.get("allow"), await answer.text()], [204, allow, ""], path);
  }
});

/* ---- Idempotency-Key ---- */

const keyed = (person: Person, key: string, path: string, body: Json): Promise<Answer> => ask(server, "POST", path, { token: person.token, headers: { "idempotency-key": key }, body });

test("a retry with the same key makes nothing, and answers what the first one made", async () => {
  const room = await ann.makeRoom("Keys");
  const first = await keyed(ann, "message-1", `/rooms/${room}/messages`, { text: "once" });
  const again = await keyed(ann, "message-1", `/rooms/${room}/messages`, { text: "once" });
  assert.deepEqual([first.status, again.status, again.body["duplicate"]], [201, 200, true]);
  assert.deepEqual(again.body["message"], first.body["message"]);
  assert.equal((await ann.history(room)).length, 1);
  const made = await keyed(ann, "room-1", "/rooms", { name: "By key" });
  const remade = await keyed(ann, "room-1", "/rooms", { name: "By key" });
  assert.deepEqual([made.status, remade.status], [201, 200]);
  assert.deepEqual(remade.body, made.body);
});

test("an invite's retry answers the invite without its link: the secret is nowhere stored", async () => {
  const before = ((await ann.ask("GET", "/invites")).body["invites"] as Json[]).length;
  const first = await keyed(ann, "invite-1", "/invites", { uses: 2, role: "guest", room: general });
  const again = await keyed(ann, "invite-1", "/invites", { uses: 2, role: "guest", room: general });
  assert.deepEqual([first.status, again.status], [201, 200]);
  assert.match(first.body["url"] as string, /\/invite#\S{40,}$/);
  assert.deepEqual(again.body, { invite: first.body["invite"] });
  assert.equal(((await ann.ask("GET", "/invites")).body["invites"] as Json[]).length, before + 1);
  const secret = (first.body["url"] as string).split("#")[1] ?? "";
  const files = (await readdir(server.folder)).filter((name) => name !== "control.sock");
  for (const name of files) assert.equal((await readFile(join(server.folder, name))).includes(secret), false, name);
  assert.equal((await ask(server, "POST", "/invites/show", { body: { secret } })).status, 200, "the link of the first answer still works");
});

test("a key that was used for something else is refused, whatever differs", async () => {
  assert.equal((await keyed(ann, "taken", "/invites", { uses: 2 })).status, 201);
  const others: [string, Json][] = [
    ["/invites", { uses: 3 }],
    ["/invites", { uses: 2, expires_in: 604799 }],
    ["/invites", { uses: 2, room: general }],
    ["/invites", {}],
    ["/rooms", { name: "Other" }],
  ];
  for (const body of [{ uses: 2, expires_in: 604800 }, { uses: 2, role: "member", room: null }]) assert.equal((await keyed(ann, "taken", "/invites", body)).status, 200, "a default spelt out is the same request");
  for (const [path, body] of others) {
    const answer = await keyed(ann, "taken", path, body);
    assert.deepEqual([answer.status, answer.body["code"]], [409, "nonce_reused"], `${path} ${JSON.stringify(body)}`);
  }
  assert.equal((await keyed(bob, "taken", "/rooms", { name: "Bob's" })).status, 201, "another person's keys are others");
});

test("a header and a nonce must be alike, and a key printable ASCII of 64 at most", async () => {
  for (const path of ["/rooms", "/invites", `/rooms/${general}/messages`]) {
    const body = { name: "x", text: "x" };
    assert.deepEqual((await keyed(ann, "a", path, { ...body, nonce: "b" })).body["code"], "nonce_conflict", path);
    assert.equal((await keyed(ann, "k".repeat(65), path, body)).body["field"], "nonce", path);
    assert.deepEqual([(await keyed(ann, "", path, body)).status, (await keyed(ann, "", path, body)).body["field"]], [400, "nonce"], path);
    assert.equal((await keyed(ann, "\u00e9", path, body)).body["code"], "invalid_field", path);
  }
  assert.equal((await keyed(ann, "both", "/rooms", { name: "Both", nonce: "both" })).status, 201);
});

test("a parameter stands in a query once; what is not known is ignored, in queries and bodies", async () => {
  for (const [query, field] of [["limit=1&limit=2", "limit"], ["limit=1&limit=1", "limit"], ["limit=1&li%6dit=2", "limit"], ["after=&after=", "after"], ["archived=true&archived=false", "archived"]] as const) {
    const { status, body } = await ann.ask("GET", `/rooms?${query}`);
    assert.deepEqual([status, body["code"], body["field"]], [400, "invalid_field", field], query);
  }
  assert.equal((await ann.ask("GET", "/rooms?limti=5&limti=6")).status, 200);
  assert.equal((await ann.ask("POST", `/rooms/${general}/messages`, { nonce: crypto.randomUUID(), text: "x", txet: "y" })).status, 201);
});

test("what belongs into a body is not taken from a query", async () => {
  const { status, body } = await ann.ask("POST", `/rooms/${general}/messages?text=in+a+log`, { nonce: crypto.randomUUID() });
  assert.deepEqual([status, body["code"], body["field"]], [400, "missing_field", "text"]);
  const signIn = await fetch(`${server.url}/api/v1/session?name=ann&password=in-a-log`, { method: "POST" });
  assert.deepEqual([signIn.status, ((await signIn.json()) as Record<string, unknown>)["code"]], [400, "missing_field"]);
});

test("a header of which there can be one is refused twice, by its name, and the connection serves on", async () => {
  const host = new URL(server.url).host;
  const bearer = `Authorization: Bearer ${ann.token}`;
  const head = (path: string, lines: string[]) => `${["GET", path, "HTTP/1.1"].join(" ")}\r\n${[`Host: ${host}`, ...lines].join("\r\n")}\r\n\r\n`;
  const cases = [["Authorization", bearer], ["Idempotency-Key", "a"], ["Content-Type", "application/json"], ["Origin", server.url], ["Cookie", "a=b"], ["Last-Event-ID", "x"],
    ["Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA=="], ["Sec-WebSocket-Version", "13"], ["Range", "bytes=0-1"], ["If-Range", '"a"'], ["If-Modified-Since", "x"], ["If-Unmodified-Since", "x"],
    ["Sec-Fetch-Site", "same-origin"], ["Access-Control-Request-Method", "GET"]] as const;
  for (const [name, value] of cases) {
    const line = name === "Authorization" ? bearer : `${name}: ${value}`;
    for (const path of ["/", "/api/v1/me", "/api/v1/events", "/api/v1/ws", "/metrics", "/socket.io/?EIO=4&transport=polling"]) {
      const { text, statuses } = await exchange(server, head(path, [line, line.toUpperCase()]) + head("/healthz", ["Connection: close"]));
      assert.deepEqual(statuses, [400, 200], `${name} ${path}: ${text}`);
      assert.ok(text.includes(`"field":"${name}"`), `${name} ${path}`);
    }
  }
  const lists = ['If-None-Match: "a"', 'If-None-Match: "b"', "Accept: a/b", "Accept: c/d", bearer, "Connection: close"];
  assert.deepEqual((await exchange(server, head("/api/v1/me", lists))).statuses, [200]);
});

test("a key outlives a SIGKILL, and two requests at once make one", async () => {
  const both = await Promise.all(["Twin", "Twin"].map((name) => keyed(ann, "twin", "/rooms", { name })));
  assert.deepEqual(both.map((one) => one.status).sort(), [200, 201]);
  const made = await keyed(ann, "kept", "/invites", { uses: 5 });
  await server.kill();
  await server.run();
  const again = await keyed(ann, "kept", "/invites", { uses: 5 });
  assert.deepEqual([again.status, again.body], [200, { invite: made.body["invite"] }]);
  const twins = (await ann.rooms()).filter((one) => one["name"] === "Twin");
  assert.equal(twins.length, 1);
});

/* ---- ETag ---- */

const withTag = (person: Person, path: string, tag: string, method = "GET"): Promise<Answer> => ask(server, method, path, { token: person.token, headers: { "if-none-match": tag } });

test("a list that is still the same is answered 304, another one whole", async () => {
  const room = await ann.makeRoom("Polled");
  await ann.send(room, "first");
  await ann.ask("POST", "/invites", {});
  for (const path of ["/rooms", `/rooms/${room}/members`, `/rooms/${room}/messages`, "/users", "/presence", "/invites"]) {
    const first = await ann.ask("GET", path);
    const tag = first.headers.get("etag") ?? "";
    assert.match(tag, /^"[0-9a-f]{32}"$/, path);
    assert.equal(first.headers.get("cache-control"), "no-store", path);
    assert.match(first.headers.get("vary") ?? "", /Authorization, Cookie/, path);
    for (const form of [tag, `W/${tag}`, `"other", ${tag}`, "*"]) {
      const again = await withTag(ann, path, form);
      assert.deepEqual([again.status, again.body["text"], again.headers.get("etag"), again.headers.get("cache-control")], [304, "", tag, "no-store"], `${path} ${form}`);
    }
    assert.equal((await withTag(ann, path, tag, "HEAD")).status, 304, path);
    const other = await withTag(ann, path, '"other"');
    assert.deepEqual([other.status, other.body], [200, first.body], path);
  }
  const path = `/rooms/${room}/messages`;
  const tag = (await ann.ask("GET", path)).headers.get("etag") ?? "";
  const sent = (await ann.send(room, "second")).body["message"] as MessageJson;
  const changed = await withTag(ann, path, tag);
  assert.equal(changed.status, 200);
  await ann.ask("PATCH", `${path}/${sent.id}`, { text: "edited" });
  assert.equal((await withTag(ann, path, changed.headers.get("etag") ?? "")).status, 200);
  assert.equal((await ann.ask("GET", "/me")).headers.get("etag"), null, "only lists that are polled");
});

test("a tag opens nothing: who may not see a list is refused, and another person has other tags", async () => {
  const room = await ann.makeRoom("Hidden", true);
  await ann.send(room, "hidden text");
  const path = `/rooms/${room}/messages`;
  const tag = (await ann.ask("GET", path)).headers.get("etag") ?? "";
  for (const form of [tag, "*"]) {
    assert.equal((await withTag(bob, path, form)).status, 404);
    const stranger = await ask(server, "GET", path, { headers: { "if-none-match": form } });
    assert.deepEqual([stranger.status, stranger.headers.get("etag")], [401, null]);
  }
  const rooms = (await ann.ask("GET", "/rooms")).headers.get("etag") ?? "";
  assert.equal((await withTag(bob, "/rooms", rooms)).status, 200);
});

/* ---- one behind the other ---- */

interface Answered {
  status: number;
  body: string;
}

/** The answers on the line, by their lengths; `heads` says which are to HEAD. */
function answersOn(line: Line, heads: boolean[]): Answered[] {
  const answers: Answered[] = [];
  let text = line.text;
  for (;;) {
    const end = text.indexOf("\r\n\r\n");
    if (end < 0) return answers;
    const headers = text.slice(0, end);
    const length = heads[answers.length] ? 0 : Number(/^Content-Length: (\d+)/m.exec(headers)?.[1] ?? 0);
    if (text.length < end + 4 + length) return answers;
    answers.push({ status: Number(headers.slice(9, 12)), body: text.slice(end + 4, end + 4 + length) });
    text = text.slice(end + 4 + length);
  }
}

test("a hundred requests of every kind in one write are answered in their order, on one line", async () => {
  const room = await ann.makeRoom("Piped");
  const auth = `Host: ${host}\r\nAuthorization: Bearer ${ann.token}\r\n`;
  const send = (at: number, chunked: boolean): string => {
    const body = JSON.stringify({ text: `piped ${String(at)}`, nonce: `piped-${String(at)}` });
    const framing = chunked ? `Transfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n` : `Content-Length: ${String(body.length)}\r\n\r\n${body}`;
    return `POST /api/v1/rooms/${room}/messages HTTP/1.1\r\n${auth}Content-Type: application/json\r\n${framing}`;
  };
  const kinds: { status: number; head?: boolean; bytes: (at: number) => string }[] = [
    { status: 201, bytes: (at) => send(at, false) },
    { status: 200, bytes: () => `GET /api/v1/me HTTP/1.1\r\n${auth}\r\n` },
    { status: 200, head: true, bytes: () => `HEAD /api/v1/rooms HTTP/1.1\r\n${auth}\r\n` },
    { status: 201, bytes: (at) => send(at, true) },
    { status: 404, bytes: (at) => `GET /api/v1/none/${String(at)} HTTP/1.1\r\n${auth}\r\n` },
    { status: 204, bytes: () => `OPTIONS /api/v1/rooms HTTP/1.1\r\n${auth}\r\n` },
    { status: 405, bytes: () => `DELETE /api/v1/rooms HTTP/1.1\r\n${auth}\r\n` },
    { status: 200, bytes: () => `GET /healthz HTTP/1.1\r\nHost: ${host}\r\n\r\n` },
    { status: 400, bytes: () => `POST /api/v1/rooms HTTP/1.1\r\n${auth}Content-Type: application/json\r\nContent-Length: 1\r\n\r\n{` },
    { status: 401, bytes: () => `GET /api/v1/me HTTP/1.1\r\nHost: ${host}\r\n\r\n` },
  ];
  const all = Array.from({ length: 100 }, (_, at) => kinds[at % kinds.length]).filter((kind) => kind !== undefined);
  const line = await Line.open(server.url);
  line.write(all.map((kind, at) => kind.bytes(at)).join(""));
  const answers = await until("all answers", () => {
    const found = answersOn(line, all.map((kind) => kind.head ?? false));
    return found.length === all.length ? found : undefined;
  });
  assert.deepEqual(answers.map((one) => one.status), all.map((kind) => kind.status));
  assert.equal(line.ended, false, "the line is kept");
  line.close();
  const sent = answers.filter((one) => one.status === 201).map((one) => (JSON.parse(one.body) as { message: MessageJson }).message);
  assert.deepEqual(sent.map((one) => one.text), all.flatMap((kind, at) => (kind.status === 201 ? [`piped ${String(at)}`] : [])));
  assert.deepEqual(sent.map((one) => one.seq), [...sent.map((one) => one.seq)].sort((a, b) => a - b));
  assert.deepEqual((await ann.history(room)).map((one) => one.text), sent.map((one) => one.text));
});

test("who asks and asks and reads nothing is not read further: memory stays bounded", async () => {
  const room = await ann.makeRoom("Long");
  for (let i = 0; i < 50; i++) await ann.send(room, "x".repeat(4000));
  const line = await Line.open(server.url);
  line.socket.pause();
  const request = `GET /api/v1/rooms/${room}/messages HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${ann.token}\r\n\r\n`;
  const requests = 1000; /* 200 MB of answers */
  line.write(request.repeat(requests));
  const resident_kb = async (): Promise<number> => Number(/VmRSS:\s+(\d+)/.exec(await readFile(`/proc/${String(server.pid)}/status`, "utf8"))?.[1]);
  const before_kb = await resident_kb();
  let steady = 0;
  let last_kb = 0;
  await until("the server to stop reading", async () => {
    const now_kb = await resident_kb();
    steady = now_kb === last_kb ? steady + 1 : 0;
    last_kb = now_kb;
    return steady > 20;
  });
  assert.ok(last_kb - before_kb < 30_000, `${String(last_kb - before_kb)} kB more`);
  assert.equal((await bob.ask("GET", "/me")).status, 200, "the others are served");
  line.close();
});

test("a connection is kept between requests, and closed where the request says so", async () => {
  const line = await Line.open(server.url);
  for (let i = 1; i <= 3; i++) {
    line.write(`GET /api/v1/me HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${ann.token}\r\n\r\n`);
    await until("the answer", () => answersOn(line, []).length === i);
    assert.equal(line.ended, false);
  }
  line.write(`GET /healthz HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\nGET /healthz HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  await line.end();
  assert.equal(answersOn(line, []).length, 4, "nothing after the close is answered");
});
