/* Socket.IO at /socket.io/: how clients come, sign in, change their transport, stay and go; on two loops, so that the requests
 * of one client arrive on either. What they do meanwhile is in socketio_operations.test.ts. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { request } from "node:http";
import { Agent as SecureAgent } from "node:https";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { WebSocket } from "ws";
import { ask, Server, until, type Person } from "./harness.ts";
import { Line } from "./raw.ts";
import { bearer, Caller, openPolling, polling, raw, withoutKeepAlive } from "./socketio.ts";

let server: Server;
let ann: Person;
let bob: Person;

before(async () => {
  server = await Server.start(["--loops=2", "--socketio.namespaces=/second, /third,/fourth"]);
  ann = await server.person("ann", "owner");
  bob = await server.person("bob");
});
after(() => {
  Caller.closeAll();
  return server.end();
});

async function metric(name: string): Promise<number> {
  const response = await fetch(`${server.url}/metrics`, { headers: { authorization: `Bearer ${ann.token}` } });
  return Number(new RegExp(`^${name} (\\S+)$`, "m").exec(await response.text())?.[1]);
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

test("requests that are none get 400 and the documented code", async () => {
  const sid = await openPolling(server);
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
  const sid = await openPolling(server);
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
    const sid = await openPolling(server);
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
  const sid = await openPolling(server);
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
  const sid = await openPolling(server);
  const poll = raw(server, polling(sid));
  assert.equal((await raw(server, polling(sid), { method: "POST", body: "1" })).text, "ok");
  const { status, text } = await poll;
  assert.ok((status === 200 && text === "6") || status === 400, text); // the close may arrive first, on another connection
  assert.equal((await raw(server, polling(sid))).status, 400);
});

test("what is no packet ends the session: of Engine.IO with 400, of Socket.IO with a close", async () => {
  for (const body of ["", "abc", "4\x1e", "b*", "2probe", "5", "0{}"]) {
    const sid = await openPolling(server);
    assert.equal((await raw(server, polling(sid), { method: "POST", body })).status, 400, body);
    assert.equal((await raw(server, polling(sid))).status, 400, body);
  }
  for (const body of ["4", "4abc", "42{}", "42[]", '42["connect"]', "451-[\"x\"]\x1e4x", '42["room.list"]', "41", "bAQID", '44{"message":"x"}', `40${"[".repeat(100)}`]) {
    const sid = await openPolling(server);
    assert.equal((await raw(server, polling(sid), { method: "POST", body })).status, 200, body);
    assert.equal((await raw(server, polling(sid))).text, "1", body);
    assert.equal((await raw(server, polling(sid))).status, 400, body);
  }
  const socket = new WebSocket(`${server.url.replace("http", "ws")}/socket.io/?EIO=4&transport=websocket`);
  await new Promise((resolve) => socket.once("message", resolve));
  socket.send("4abc");
  await new Promise((resolve) => socket.once("close", resolve));
});

test("an event that was cut off is no packet, joined or not", async () => {
  const sid = await openPolling(server);
  for (const body of [`40${JSON.stringify({ token: ann.token })}`, '420["room.list",{"more":1e999}', '420["room.list"]']) await raw(server, polling(sid), { method: "POST", body });
  await until("the end", async () => (await raw(server, polling(sid))).status === 400);
});

test("a WebSocket more than one is opened and closed; the session goes on", async () => {
  const sid = await openPolling(server);
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
