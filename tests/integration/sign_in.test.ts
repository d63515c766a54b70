/* Signing in and out, passwords, invites, ranks: who gets in, and who is out at once. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before, test } from "node:test";
import { ask, Client, Server, until, type Answer, type Json, type Person } from "./harness.ts";

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

/* Times are what an attacker compares; hashes are what takes the time, and can be counted. */
test("as much is hashed for a name that nobody has as for one that is taken", async () => {
  const hashes = async (login: string): Promise<number> => {
    const count = async () => Number(/^parley_password_hashes_total (\d+)$/m.exec(await (await fetch(`${server.url}/metrics`, { headers: { authorization: `Bearer ${ann.token}` } })).text())?.[1]);
    const before = await count();
    assert.equal((await signIn(login, "wrong one")).status, 401);
    return (await count()) - before;
  };
  for (const login of ["ann", "nobody", "gone", "nobody@example.org"]) assert.equal(await hashes(login), 1, login);
});

/* ---- the socket ---- */

test("a socket signs in by its first message, once", async () => {
  const bob = await server.person("bob");
  const client = await Client.open(server);
  assert.equal(await client.code("user.me"), "sign_in_required");
  assert.equal(await client.code("session.authenticate", { token: "pl_nothing" }), "invalid_token");
  /* Both are on their way at once, and readers run at once too: either may be first, the other is refused. */
  const people = [bob, ann];
  const codes = await Promise.all(people.map(({ token }) => client.code("session.authenticate", { token })));
  assert.deepEqual(codes.toSorted(), ["already_signed_in", "ok"]);
  assert.equal(((await client.result("user.me"))["user"] as Json)["name"], people[codes.indexOf("ok")]?.name);
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

test("who is disabled is out everywhere within a second, and whoever is enabled signs in anew", async () => {
  const dan = await server.person("dan");
  const cookie = cookieOf(await signIn("dan"));
  const [live, idle] = [await dan.listen(), await dan.connect()];
  const a = await ann.listen();
  assert.equal((await server.cli("user", "disable", "dan")).code, 0);
  await Promise.all([live, idle].map((one) => until("the sockets to close", () => one.closed, outLimit_ms)));
  assert.equal(live.closed?.code, 4500);
  assert.equal(await meStatus(dan.token), 401);
  assert.equal((await ask(server, "GET", "/me", { headers: cookie })).status, 401);
  assert.equal((await signIn("dan")).status, 401);
  await assert.rejects(dan.connect(), /status 401/);
  const event = await a.waitFor("the news", (one) => one.event === "user.updated" && (one.data["user"] as Json)["name"] === "dan");
  assert.equal((event.data["user"] as Json)["disabled"], true);
  assert.equal((await server.cli("token", "create", "--user", "dan")).code === 0, false);
  assert.equal((await server.cli("user", "disable", "dan", "--enable")).code, 0);
  assert.equal(await meStatus(dan.token), 401);
  assert.equal(await meStatus(await tokenOf("dan")), 200);
  a.close();
});

test("a session ends by itself when its time is over, its open sockets with it", async () => {
  const short = await Server.start();
  try {
    const eve = await short.person("eve", "owner");
    await short.stop();
    const db = new DatabaseSync(join(short.folder, "parley.db"));
    db.prepare("UPDATE session SET expires_at = ?").run(Date.now() + 1500);
    db.close();
    await short.run();
    const [live, idle] = [await eve.listen(), await eve.connect()];
    await Promise.all([live, idle].map((one) => until("the close", () => one.closed)));
    assert.deepEqual([live.closed?.code, idle.closed?.code], [4500, 4500]);
    assert.equal((await ask(short, "GET", "/me", { token: eve.token })).body["code"], "invalid_token");
  } finally {
    await short.end();
  }
});

test("a socket whose sign-in is gone without its knowing is told so at its next request, and closed", async () => {
  const token = await tokenOf("ann");
  const client = await Client.open(server, token);
  const db = new DatabaseSync(join(server.folder, "parley.db"));
  db.prepare("DELETE FROM session WHERE token_hash = ?").run(createHash("sha256").update(token).digest());
  db.close();
  assert.equal(await client.code("user.me"), "invalid_token");
  assert.equal((await until("the close", () => client.closed)).code, 4500);
});

/* ---- passwords ---- */

test("changing the password asks for the old one and ends the other sessions", async () => {
  await signUp((await invite(ann)).secret, "pia");
  const [one, two] = [await tokenOf("pia"), await tokenOf("pia")];
  const [here, there] = [await Client.open(server, one), await Client.open(server, two)];
  await Promise.all([here.start(), there.start()]);
  const change = (old_password: string, new_password: string): Promise<Answer> => ask(server, "POST", "/me/password", { token: one, body: { old_password, new_password } });
  const refused = await change("not this", "new password");
  assert.equal(refused.status, 403);
  assert.equal(refused.body["code"], "wrong_password");
  assert.equal(await meStatus(two), 200);
  assert.equal((await change(password, "new password")).status, 200);
  await until("the other socket to close", () => there.closed, outLimit_ms);
  assert.equal(there.closed?.code, 4500);
  assert.equal(await meStatus(two), 401);
  assert.equal(await meStatus(one), 200);
  assert.equal(await here.code("user.me"), "ok");
  assert.equal(await here.code("user.password", { old_password: "new password", new_password: "newer password" }), "ok");
  assert.equal((await signIn("pia")).status, 401);
  assert.equal((await signIn("pia", "newer password")).status, 201);
  here.close();
});

test("a password has 8 to 128 characters, whatever they are; nothing else is asked of it", async () => {
  const { secret } = await invite(ann, { uses: 10 });
  for (const [name, word, good] of [
    ["w1", "1234567", false],
    ["w2", "12345678", true],
    ["w3", "a".repeat(128), true],
    ["w4", "a".repeat(129), false],
    ["w5", "🐎".repeat(8), true],
    ["w6", "🐎".repeat(7), false],
    ["w7", "🐎".repeat(128), true],
    ["w8", "        ", true],
    ["w9", " trailing  ", true],
  ] as const) {
    const { status, body } = await signUp(secret, name, { password: word });
    assert.equal(status, good ? 201 : 400, name);
    if (good) assert.equal((await signIn(name, word)).status, 201, name);
    else assert.deepEqual([body["code"], body["field"]], ["invalid_field", "password"]);
  }
  assert.equal((await signIn("w9", " trailing")).status, 401);
});

/* ---- invites ---- */

test("an invite lets in as many as it says, then it is gone; two at once share the last use", async () => {
  const two = await invite(ann, { uses: 2 });
  assert.equal((await signUp(two.secret, "inv1")).status, 201);
  const both = await Promise.all([signUp(two.secret, "inv2"), signUp(two.secret, "inv3")]);
  assert.deepEqual(both.map((one) => one.status).sort(), [201, 410]);
  const gone = await signUp(two.secret, "inv4");
  assert.equal(gone.body["code"], "invite_invalid");
});

test("a refused sign-up uses nothing up", async () => {
  const { secret } = await invite(ann);
  assert.equal((await signUp(secret, "ANN")).body["code"], "name_taken");
  assert.equal((await signUp(secret, "аnn")).body["code"], "name_taken"); // a Cyrillic а
  assert.equal((await signUp(secret, "a b")).body["code"], "invalid_field");
  assert.equal((await signUp(secret, "ok1", { email: "nowhere" })).body["code"], "invalid_field");
  assert.equal((await signUp(secret, "ok1")).status, 201);
});

test("an invite tells who invites, and looking uses nothing up", async () => {
  const { secret } = await invite(ann, { expires_in: 3600 });
  for (let look = 0; look < 3; look += 1) {
    const { status, body } = await ask(server, "POST", "/invites/show", { body: { secret } });
    assert.equal(status, 200);
    assert.deepEqual([body["invited_by"], body["role"]], ["ann", "member"]);
    assert.ok(Math.abs(Date.parse(body["expires_at"] as string) - Date.now() - 3_600_000) < 60_000);
  }
  assert.equal((await signUp(secret, "shown")).status, 201);
  assert.equal((await ask(server, "POST", "/invites/show", { body: { secret } })).status, 410);
});

test("a revoked invite works no more and is listed no more", async () => {
  const { id, secret } = await invite(ann);
  const listed = async (): Promise<boolean> => ((await ann.ask("GET", "/invites")).body["invites"] as Json[]).some((one) => one["id"] === id);
  assert.equal(await listed(), true);
  assert.ok(!JSON.stringify((await ann.ask("GET", "/invites")).body).includes(secret));
  assert.equal((await ann.ask("DELETE", `/invites/${id}`)).status, 200);
  assert.equal(await listed(), false);
  assert.equal((await signUp(secret, "late")).status, 410);
});

test("whoever is disabled, demoted or out of the private room has invited nobody any more", async () => {
  const ivy = await server.person("ivy", "admin");
  const cellar = await ivy.makeRoom("cellar", true);
  const plain = await invite(ivy, { uses: 9 });
  const guest = await invite(ivy, { uses: 9, role: "guest", room: general });
  const inside = await invite(ivy, { uses: 9, room: cellar });
  const shown = async ({ secret }: { secret: string }): Promise<number> => (await ask(server, "POST", "/invites/show", { body: { secret } })).status;
  const all = async (): Promise<number[]> => Promise.all([plain, guest, inside].map(shown));
  const listed = async (): Promise<number> => ((await ann.ask("GET", "/invites")).body["invites"] as Json[]).filter((one) => [plain.id, guest.id, inside.id].includes(one["id"] as string)).length;
  assert.deepEqual(await all(), [200, 200, 200]);

  await ivy.ask("POST", `/rooms/${cellar}/leave`);
  assert.deepEqual(await all(), [200, 200, 410]);
  assert.equal((await signUp(inside.secret, "ivy1")).status, 410);

  await server.cli("user", "role", "ivy", "member");
  assert.deepEqual(await all(), [410, 200, 410]);
  assert.equal(await listed(), 1);
  await server.cli("user", "role", "ivy", "guest");
  assert.deepEqual(await all(), [410, 410, 410]);

  await server.cli("user", "role", "ivy", "owner");
  assert.deepEqual(await all(), [200, 200, 410]);
  await server.cli("user", "disable", "ivy");
  assert.deepEqual(await all(), [410, 410, 410]);
  assert.equal((await signUp(plain.secret, "ivy2")).status, 410);
  assert.equal(await listed(), 0);
});

test("an invite's life is bounded", async () => {
  for (const expires_in of [0, 59, 2_592_001]) assert.equal((await ann.ask("POST", "/invites", { expires_in })).body["field"], "expires_in");
  for (const uses of [0, 1001]) assert.equal((await ann.ask("POST", "/invites", { uses })).body["field"], "uses");
});

/* ---- rank ---- */

test("invites are for owners and admins, with roles below their own", async () => {
  const [ada, mel] = [await server.person("ada", "admin"), await server.person("mel")];
  const role = async (who: Person, wanted: string): Promise<number> => (await who.ask("POST", "/invites", { role: wanted, room: general })).status;
  assert.deepEqual(await Promise.all(["guest", "member", "admin", "owner"].map((one) => role(ann, one))), [201, 201, 201, 403]);
  assert.deepEqual(await Promise.all(["guest", "member", "admin", "owner"].map((one) => role(ada, one))), [201, 201, 403, 403]);
  assert.deepEqual(await Promise.all(["guest", "member", "admin", "owner"].map((one) => role(mel, one))), [403, 403, 403, 403]);
  const { id } = await invite(ann);
  assert.equal((await mel.ask("GET", "/invites")).status, 403);
  assert.equal((await mel.ask("DELETE", `/invites/${id}`)).status, 403);
  const guest = await invite(ada, { role: "guest", room: general });
  const made = await signUp(guest.secret, "gus");
  assert.equal((made.body["user"] as Json)["role"], "guest");
});

test("the last owner stays, disabled or demoted by nobody, not even two at once", async () => {
  for (const words of [["disable", "ann"], ["role", "ann", "admin"]]) {
    const { code, stderr } = await server.cli("user", ...words);
    assert.notEqual(code, 0);
    assert.match(stderr, /last owner/i);
  }
  await server.person("oda", "owner");
  const both = await Promise.all([server.cli("user", "role", "ann", "admin"), server.cli("user", "role", "oda", "admin")]);
  assert.equal(both.filter((one) => one.code === 0).length, 1);
  await server.cli("user", "role", "ann", "owner");
  assert.equal(await meStatus(ann.token), 200);
});

test("a new role counts at once: open sockets reconnect with it", async () => {
  const rob = await server.person("rob", "admin");
  const client = await rob.listen();
  await server.cli("user", "role", "rob", "member");
  await until("the socket to close", () => client.closed, outLimit_ms);
  assert.equal(client.closed?.code, 4003);
  assert.equal((await rob.ask("POST", "/invites", {})).status, 403);
});

/* ---- limits ---- */

test("with rate limits on, signing in too often is answered 429 with Retry-After, and locks nobody out", async () => {
  const strict = await Server.start(["--limits.rate=on", "--limits.sign_in_rate=60", "--limits.sign_in_burst=3"]);
  try {
    const bea = await strict.person("bea", "owner");
    const tries = await Promise.all(Array.from({ length: 6 }, () => ask(strict, "POST", "/session", { body: { login: "bea", password: "wrong" } })));
    assert.equal(tries.filter((one) => one.status === 401).length, 3);
    const refused = tries.find((one) => one.status === 429);
    assert.equal(refused?.body["code"], "rate_limited");
    assert.ok(Number(refused?.headers.get("retry-after")) >= 1);
    assert.ok(Number(refused?.body["retry_after"]) > 0);
    assert.equal((await bea.ask("GET", "/me")).status, 200);
    await until("the limit to let go", async () => (await ask(strict, "POST", "/session", { body: { login: "bea", password } })).status === 201);
  } finally {
    await strict.end();
  }
});

test("a token that is none is charged to its address, and those with a right one there are served", async () => {
  const strict = await Server.start(["--limits.rate=on", "--limits.address_rate=1", "--limits.address_burst=3", "--limits.sign_in_rate=1", "--limits.sign_in_burst=1"]);
  try {
    const bea = await strict.person("bea", "owner");
    for (const path of ["/me", "/rooms"]) {
      const tries = await Promise.all(Array.from({ length: 6 }, () => ask(strict, path === "/me" ? "GET" : "POST", path, { token: "pl_nothing", ...(path === "/me" ? {} : { body: { name: "x" } }) })));
      assert.ok(tries.filter((one) => one.status === 401).length <= 4);
      assert.ok(Number(tries.find((one) => one.status === 429)?.headers.get("retry-after")) >= 1);
    }
    assert.equal((await bea.ask("GET", "/me")).status, 200);
  } finally {
    await strict.end();
  }
});

test("many bots behind one address come back at once: a right token is no guess", async () => {
  const strict = await Server.start(["--limits.rate=on"]);
  try {
    const bots = await Promise.all(Array.from({ length: 5 }, (_, at) => strict.person(`bot${String(at)}`)));
    const codes = await Promise.all(
      Array.from({ length: 40 }, async (_, at) => {
        const client = await Client.open(strict);
        const code = await client.code("session.authenticate", { token: bots[at % bots.length]?.token ?? "" });
        client.close();
        return code;
      }),
    );
    assert.deepEqual([...new Set(codes)], ["ok"]);
  } finally {
    await strict.end();
  }
});

test("a person's limit holds over all their connections, and reconnecting does not lift it", async () => {
  const strict = await Server.start(["--limits.rate=on", "--limits.person_rate=1", "--limits.person_burst=20"]);
  try {
    const bea = await strict.person("bea", "owner");
    const cal = await strict.person("cal");
    const ask20 = async (client: Client): Promise<string[]> => Promise.all(Array.from({ length: 20 }, () => client.code("user.me")));
    const [one, two] = [await bea.connect(), await bea.connect()];
    const codes = [...(await ask20(one)), ...(await ask20(two))];
    assert.ok(codes.filter((code) => code === "ok").length <= 22);
    const again = await Client.open(strict);
    assert.equal(await again.code("session.authenticate", { token: bea.token }), "ok");
    const last = await again.ask("user.me");
    assert.equal((last["error"] as Json)["code"], "rate_limited");
    assert.ok(Number((last["error"] as Json)["retry_after"]) > 0);
    assert.equal((await bea.ask("GET", "/me")).status, 429);
    assert.equal((await cal.ask("GET", "/me")).status, 200);
    for (const client of [one, two, again]) client.close();
  } finally {
    await strict.end();
  }
});

test("one person has so many sockets and no more", async () => {
  const strict = await Server.start(["--limits.rate=on", "--limits.connections_per_person=3"]);
  try {
    const bea = await strict.person("bea", "owner");
    const clients = await Promise.all([1, 2, 3].map(() => bea.connect()));
    const over = await bea.connect();
    assert.equal((await until("the fourth to close", () => over.closed)).code, 4502);
    clients[0]?.close();
    await until("room for another", async () => {
      const client = await bea.connect();
      return (await client.code("user.me")) === "ok";
    });
  } finally {
    await strict.end();
  }
});
