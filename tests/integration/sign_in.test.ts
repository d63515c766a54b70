/* Signing in and out, passwords, invites, ranks: who gets in, and who is out at once. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ask, cliIn, Client, Server, until, type Answer, type Json, type Person } from "./harness.ts";

const password = "correct horse";
/* "Within a second" of the issue. */
const outLimit_ms = 1000;

let server: Server;
let ann: Person;
let general: string;

before(async () => {
  server = await Server.start();
  ann = await server.person("ann", "owner");
  general = await ann.room("general");
});
after(() => server.end());

function signIn(login: string, word = password, more: Json = {}): Promise<Answer> {
  return ask(server, "POST", "/session", { body: { login, password: word, ...more } });
}

async function tokenOf(login: string, word = password): Promise<string> {
  return (await signIn(login, word, { token: true })).body["token"] as string;
}

/** The answer's cookie as a page of the server's own sends it. */
function cookieOf(answer: Answer): { cookie: string; origin: string } {
  return { cookie: (answer.headers.get("set-cookie") ?? "").split(";")[0] ?? "", origin: server.url };
}

async function meStatus(token: string): Promise<number> {
  return (await ask(server, "GET", "/me", { token })).status;
}

async function invite(by: Person, body: Json = {}): Promise<{ id: string; secret: string }> {
  const answer = await by.ask("POST", "/invites", body);
  assert.equal(answer.status, 201, JSON.stringify(answer.body));
  return { id: (answer.body["invite"] as Json)["id"] as string, secret: (answer.body["url"] as string).split("#")[1] ?? "" };
}

function signUp(secret: string, name: string, more: Json = {}): Promise<Answer> {
  return ask(server, "POST", "/users", { body: { invite: secret, name, password, ...more } });
}

/* ---- in ---- */

test("one signs in by name, whatever its case, or by e-mail", async () => {
  await signUp((await invite(ann)).secret, "Bérénice", { email: "Ber@Example.org" });
  for (const login of ["Bérénice", "bérénice", "BÉRÉNICE", "be\u0301re\u0301nice", "ber@example.org", "BER@EXAMPLE.ORG"]) {
    const { status, body } = await signIn(login);
    assert.equal(status, 201, login);
    assert.equal((body["user"] as Json)["name"], "Bérénice");
  }
});

test("a browser gets a cookie that scripts and other sites do not", async () => {
  const answer = await signIn("ann");
  const cookie = answer.headers.get("set-cookie") ?? "";
  assert.match(cookie, /^[^=;]+=[\w-]{20,}; Path=\/; HttpOnly; SameSite=(Strict|Lax); Max-Age=\d+$/);
  assert.equal("token" in answer.body, false);
  assert.ok(Date.parse(answer.body["expires_at"] as string) > Date.now());
  assert.equal((await ask(server, "GET", "/me", { headers: cookieOf(answer) })).status, 200);
});

test("a cookie counts only on requests from the server's own pages, a bearer anywhere", async () => {
  const headers = cookieOf(await signIn("ann"));
  const patch = (more: Record<string, string>): Promise<Answer> => ask(server, "PATCH", "/me", { headers: { cookie: headers.cookie, ...more }, body: { status: "in" } });
  assert.equal((await patch({ origin: server.url })).status, 200);
  assert.equal((await patch({ "sec-fetch-site": "same-origin" })).status, 200);
  for (const foreign of [{}, { origin: "https://evil.example" }, { origin: "null" }, { "sec-fetch-site": "same-site" }]) {
    const refused = await patch(foreign as Record<string, string>);
    assert.equal(refused.status, 403, JSON.stringify(foreign));
    assert.equal(refused.body["code"], "bad_origin");
  }
  await assert.rejects(Client.open(server, undefined, { ...headers, origin: "https://evil.example" }), /status 403/);
  const own = await Client.open(server, undefined, headers);
  assert.equal(await own.code("user.me"), "ok");
  own.close();
  assert.equal((await ask(server, "PATCH", "/me", { token: ann.token, headers: { origin: "https://bot.example" }, body: { status: null } })).status, 200);
});

test("a page of another site cannot sign anybody in", async () => {
  const answer = await ask(server, "POST", "/session", { headers: { origin: "https://evil.example" }, body: { login: "ann", password } });
  assert.equal(answer.body["code"], "bad_origin");
  assert.equal(answer.headers.get("set-cookie"), null);
});

test("other clients get a bearer token and no cookie", async () => {
  const answer = await signIn("ann", password, { token: true });
  assert.equal(answer.status, 201);
  assert.equal(answer.headers.get("set-cookie"), null);
  assert.equal(await meStatus(answer.body["token"] as string), 200);
  const refused = await ask(server, "GET", "/me", { token: "pl_nothing" });
  assert.equal(refused.status, 401);
  assert.equal(refused.body["code"], "invalid_token");
});

test("no token stands in an address", async () => {
  assert.equal((await ask(server, "GET", `/me?token=${ann.token}`)).status, 401);
  assert.equal((await ask(server, "GET", `/me?access_token=${ann.token}`)).status, 401);
});

test("a wrong password, an unknown name and a disabled person are answered alike", async () => {
  await server.person("gone");
  await server.cli("user", "disable", "gone");
  const answers = await Promise.all([signIn("ann", "wrong"), signIn("nobody"), signIn("gone"), signIn("nobody@example.org"), signIn("no body")]);
  for (const { status, body } of answers) {
    assert.equal(status, 401);
    assert.equal(body["code"], "invalid_credentials");
    assert.deepEqual(body, answers[0].body);
  }
});

test("the time does not tell whether a name is taken either", async () => {
  const slow = await Server.start(["--auth.argon2_memory_bytes=19922944", "--auth.argon2_passes=2"]);
  try {
    const made = await cliIn(slow.folder, ["user", "add", "ann", "--role", "owner", "--password-stdin"], `${password}\n`);
    assert.equal(made.code, 0, made.stderr);
    const at = async (login: string): Promise<number> => {
      const begin = performance.now();
      assert.equal((await ask(slow, "POST", "/session", { body: { login, password: "wrong one" } })).status, 401);
      return performance.now() - begin;
    };
    await at("ann");
    const times = { ann: [] as number[], nobody: [] as number[] };
    for (let round = 0; round < 9; round += 1) {
      times.ann.push(await at("ann"));
      times.nobody.push(await at("nobody"));
    }
    const [ann_ms, nobody_ms] = [Math.min(...times.ann), Math.min(...times.nobody)];
    assert.ok(nobody_ms > ann_ms / 2 && nobody_ms < ann_ms * 2, `${String(ann_ms)} ms, ${String(nobody_ms)} ms`);
  } finally {
    await slow.end();
  }
});

/* ---- the socket ---- */

test("a socket signs in by its first message, once", async () => {
  const bob = await server.person("bob");
  const client = await Client.open(server);
  assert.equal(await client.code("user.me"), "sign_in_required");
  assert.equal(await client.code("session.authenticate", { token: "pl_nothing" }), "invalid_token");
  assert.deepEqual(await Promise.all([client.code("session.authenticate", { token: bob.token }), client.code("session.authenticate", { token: ann.token })]), [
    "ok",
    "already_signed_in",
  ]);
  assert.equal(((await client.result("user.me"))["user"] as Json)["name"], "bob");
  assert.equal(await client.code("session.authenticate", { token: ann.token }), "already_signed_in");
  client.close();
});

test("a socket on which nobody signs in is closed", async () => {
  const hasty = await Server.start(["--auth.unauthenticated_timeout_ms=200"]);
  const client = await Client.open(hasty);
  const closed = await until("the close", () => client.closed);
  assert.equal(closed.code, 4501);
  await hasty.end();
});

test("a socket with a wrong token is refused", async () => {
  await assert.rejects(Client.open(server, "pl_nothing"), /status 401/);
});

/* ---- out ---- */

test("signing out ends the session, its token or cookie, and its sockets, no others", async () => {
  const [one, two] = [await tokenOf("ann"), await tokenOf("ann")];
  const [here, there] = [await Client.open(server, one), await Client.open(server, two)];
  await Promise.all([here.start(), there.start()]);
  const out = await ask(server, "DELETE", "/session", { token: one });
  assert.equal(out.status, 200);
  const closed = await until("the socket to close", () => here.closed, outLimit_ms);
  assert.equal(closed.code, 4500);
  assert.equal(await meStatus(one), 401);
  assert.equal(await meStatus(two), 200);
  assert.equal(await there.code("user.me"), "ok");
  assert.equal(await there.code("session.delete"), "ok");
  await until("the other to close", () => there.closed, outLimit_ms);
  assert.equal(await meStatus(two), 401);
});

test("signing out takes the cookie away", async () => {
  const headers = cookieOf(await signIn("ann"));
  const out = await ask(server, "DELETE", "/session", { headers });
  assert.match(out.headers.get("set-cookie") ?? "", /Max-Age=0/);
  assert.equal((await ask(server, "GET", "/me", { headers })).status, 401);
});
