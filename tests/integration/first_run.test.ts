/* The first minutes of a server: the one-time link, the owner, general. */
import assert from "node:assert/strict";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { ask, Server, type Answer, type Json, type RoomJson } from "./harness.ts";

let server: Server;

beforeEach(async () => {
  server = await Server.start();
});
afterEach(() => server.end());

const secretOf = (url: string): string => url.split("#")[1] ?? "";

function makeOwner(secret: string, name = "ann"): Promise<Answer> {
  return ask(server, "POST", "/owner", { body: { secret, name, password: "correct horse" } });
}

async function invite(token: string, body: Json = {}): Promise<string> {
  return secretOf((await ask(server, "POST", "/invites", { token, body })).body["url"] as string);
}

function signUp(secret: string, name: string): Promise<Answer> {
  return ask(server, "POST", "/users", { body: { invite: secret, name, password: "correct horse" } });
}

/** What a request with the cookie that the answer sets carries. */
function cookieOf(answer: Answer): Record<string, string> {
  return { cookie: (answer.headers.get("set-cookie") ?? "").split(";")[0] ?? "", origin: server.url };
}

test("without a terminal the owner's link goes to a file for the operator alone, never to the log", async () => {
  const link = await server.ownerLink();
  const { mode } = await stat(join(server.folder, "owner-link"));
  assert.equal(mode & 0o777, 0o600);
  assert.match(link, new RegExp(`^${server.url}/owner#[\\w-]{43}$`));
  assert.ok(server.log.includes(join(server.folder, "owner-link")));
  assert.ok(!server.log.includes(secretOf(link)));
});

test("the link makes one owner, who is signed in; then it is void", async () => {
  const secret = secretOf(await server.ownerLink());
  const made = await makeOwner(secret);
  assert.equal(made.status, 201);
  assert.equal((made.body["user"] as Json)["role"], "owner");
  const me = await ask(server, "GET", "/me", { headers: cookieOf(made) });
  assert.equal((me.body["user"] as Json)["name"], "ann");
  const again = await makeOwner(secret, "eve");
  assert.equal(again.status, 409);
  assert.equal(again.body["code"], "owner_exists");
  assert.equal((await server.cli("user", "list")).stdout.includes("eve"), false);
});

test("looking at the link uses nothing up", async () => {
  const secret = secretOf(await server.ownerLink());
  for (const method of ["GET", "HEAD"]) await fetch(`${server.url}/owner`, { method });
  assert.equal((await ask(server, "GET", "/owner")).status, 405);
  assert.equal((await makeOwner(secret)).status, 201);
});

test("two uses of the link at once make one owner", async () => {
  const secret = secretOf(await server.ownerLink());
  const answers = await Promise.all(["ann", "bea", "cat", "dee"].map((name) => makeOwner(secret, name)));
  assert.deepEqual(answers.map((one) => one.status).sort(), [201, 409, 409, 409]);
  assert.equal((await server.cli("user", "list")).stdout.trim().split("\n").filter((line) => line.includes("owner")).length, 1);
});

test("a wrong secret makes nobody", async () => {
  const secret = secretOf(await server.ownerLink());
  for (const wrong of ["x", secret.slice(1), `${secret.slice(0, -2)}${secret.endsWith("A") ? "B" : "A"}`]) {
    const { status, body } = await makeOwner(wrong);
    assert.equal(status, 410, wrong);
    assert.equal(body["code"], "invite_invalid");
  }
  assert.equal((await makeOwner(secret)).status, 201);
});

test("an owner made at the command line voids the link, and a restart makes no new one", async () => {
  const secret = secretOf(await server.ownerLink());
  await server.person("ann", "owner");
  assert.equal((await makeOwner(secret, "eve")).status, 409);
  await server.stop();
  await server.run();
  assert.ok(!server.log.includes("no owner yet"));
  assert.equal((await makeOwner(secret, "eve")).status, 409);
});

test("a restart before there is an owner makes a new link and voids the one before", async () => {
  const before = secretOf(await server.ownerLink());
  await server.stop();
  await server.run();
  const after = secretOf(await server.ownerLink());
  assert.notEqual(after, before);
  assert.equal((await makeOwner(before)).status, 410);
  assert.equal((await makeOwner(after)).status, 201);
});

test("until there is an owner nobody else can sign up", async () => {
  const ada = await server.person("ada", "admin");
  const secret = await invite(ada.token);
  const refused = await signUp(secret, "bob");
  assert.equal(refused.status, 410);
  await makeOwner(secretOf(await server.ownerLink()));
  assert.equal((await signUp(secret, "bob")).status, 201);
});

test("general comes with the owner, everybody joins it at sign-up, guests do not", async () => {
  const owner = cookieOf(await makeOwner(secretOf(await server.ownerLink())));
  const rooms = (await ask(server, "GET", "/rooms", { headers: owner })).body["rooms"] as RoomJson[];
  assert.deepEqual(rooms.map((room) => [room["name"], room["private"], room["joined"]]), [["general", false, true]]);
  const room = rooms[0]?.id ?? "";
  const token = await server.token("ann");
  const den = (await ask(server, "POST", "/rooms", { token, body: { name: "den", private: true } })).body["room"] as RoomJson;
  assert.equal((await signUp(await invite(token), "bob")).status, 201);
  await server.person("cal", "admin");
  assert.equal((await signUp(await invite(token, { role: "guest", room: den.id }), "guy")).status, 201);
  const members = (await ask(server, "GET", `/rooms/${room}/members`, { token })).body["members"] as Json[];
  assert.deepEqual(members.map((one) => one["name"]), ["ann", "bob", "cal"]);
  const guests = (await ask(server, "GET", "/rooms", { token: await server.token("guy") })).body["rooms"] as RoomJson[];
  assert.deepEqual(guests.map((one) => one["name"]), ["den"]);
});
