/* Group commit: what comes together is made durable together, and one refused request harms no other. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { after, before, test } from "node:test";
import { Server, until, type Client, type Json, type MessageJson, type Person } from "./harness.ts";

/* Of the issue. */
const sends = 64;
const syncLimit = 16;

let server: Server;
let ann: Person;
let bob: Person;
let general: string;
let clients: Client[] = [];

before(async () => {
  server = await Server.start(["--loops=2"]);
  ann = await server.person("ann", "owner");
  bob = await server.person("bob");
  general = await ann.room("general");
  clients = await Promise.all(Array.from({ length: 8 }, (_, index) => (index % 2 ? ann : bob).connect()));
});
after(async () => {
  for (const client of clients) client.close();
  await server.end();
});

async function metric(name: string): Promise<number> {
  const response = await fetch(`${server.url}/metrics`, { headers: { authorization: `Bearer ${ann.token}` } });
  return Number(new RegExp(`^${name} (\\d+)$`, "m").exec(await response.text())?.[1]);
}

/** All at once, over several sockets on both loops: the server sleeps until the kernel holds every request for it. */
async function storm(make: (index: number) => Json): Promise<Json[]> {
  server.pause();
  try {
    const replies = Array.from({ length: sends }, (_, index) => (clients[index % clients.length] as Client).ask("message.send", make(index)));
    await until("the requests to be with the kernel", () => clients.every((one) => one.socket.bufferedAmount === 0));
    server.unpause();
    return await Promise.all(replies);
  } finally {
    server.unpause();
  }
}

const message = (text: string): Json => ({ room: general, text, nonce: text });

test("64 concurrent sends take fewer than 16 commits", async () => {
  const [commits, requests] = [await metric("parley_store_commits_total"), await metric("parley_store_committed_requests_total")];
  const replies = await storm((index) => message(`commit ${String(index)}`));
  assert.ok(replies.every((one) => one["result"]));
  const taken = (await metric("parley_store_commits_total")) - commits;
  assert.equal((await metric("parley_store_committed_requests_total")) - requests, sends);
  assert.ok(taken > 0 && taken < syncLimit, `${String(taken)} commits`);
});

test("64 concurrent sends take fewer than 16 fsyncs, as the kernel sees them", async () => {
  const strace = spawn("strace", ["-f", "-e", "trace=fsync,fdatasync", "-p", String(server.pid)]);
  const ended = new Promise((resolve) => strace.on("close", resolve));
  let trace = "";
  strace.stderr.on("data", (bytes: Buffer) => (trace += bytes.toString()));
  await until("strace to be attached", () => trace.includes("attached"));
  const syncs = (): number => trace.match(/f(data)?sync\(/g)?.length ?? 0;
  await bob.send(general, "one");
  await until("its fsync", () => syncs() > 0);
  const before = syncs();
  const replies = await storm((index) => message(`fsync ${String(index)}`));
  assert.ok(replies.every((one) => one["result"]));
  strace.kill("SIGINT");
  await ended;
  assert.ok(syncs() > before && syncs() - before < syncLimit, `${String(syncs() - before)} fsyncs\n${trace}`);
});

test("a refused request in a batch leaves the others stored, each once, without a gap", async () => {
  const archived = await ann.makeRoom("archived");
  await bob.ask("POST", `/rooms/${archived}/join`);
  await ann.ask("POST", `/rooms/${archived}/archive`);
  const refusals: [string, (text: string) => Json][] = [
    ["not_found", (nonce) => ({ room: "01900000-0000-7000-8000-000000000000", text: "nowhere", nonce })],
    ["invalid_field", (nonce) => ({ room: general, text: "  ", nonce })],
    ["room_archived", (nonce) => ({ room: archived, text: "too late", nonce })],
    ["nonce_reused", () => ({ room: general, text: "something else", nonce: "used" })],
  ];
  await Promise.all([ann, bob].map((who) => who.send(general, "first", "used")));
  const last = (await ann.history(general)).at(-1)?.seq ?? 0;
  const [commits, spoiled] = [await metric("parley_store_commits_total"), await metric("parley_store_spoiled_total")];
  const replies = await storm((index) => (index % 2 ? message(`kept ${String(index)}`) : (refusals[(index / 2) % refusals.length]?.[1](`refused ${String(index)}`) ?? {})));
  assert.ok((await metric("parley_store_commits_total")) - commits < syncLimit);
  assert.equal(await metric("parley_store_spoiled_total"), spoiled);
  for (const [index, reply] of replies.entries()) {
    const code = (reply["error"] as Json | undefined)?.["code"] ?? "ok";
    assert.equal(code, index % 2 ? "ok" : refusals[(index / 2) % refusals.length]?.[0], String(index));
  }
  const stored = (await ann.history(general)).filter((one) => one.seq > last);
  assert.deepEqual(stored.map((one) => one.text).sort(), Array.from({ length: sends / 2 }, (_, index) => `kept ${String(index * 2 + 1)}`).sort());
  assert.deepEqual(stored.map((one) => one.seq), stored.map((_, index) => last + 1 + index));
  const answered = replies.flatMap((one) => (one["result"] ? [(one["result"] as Json)["message"] as MessageJson] : []));
  assert.deepEqual(answered.sort((a, b) => a.seq - b.seq), stored);
  assert.equal(await server.doctor(), "");
});

test("what was acknowledged together survives together", async () => {
  const replies = await storm((index) => message(`lasting ${String(index)}`));
  assert.ok(replies.every((one) => one["result"]));
  await server.kill();
  await server.run();
  const texts = (await ann.history(general)).map((one) => one.text).filter((text) => text.startsWith("lasting"));
  assert.equal(texts.length, sends);
  assert.equal(new Set(texts).size, sends);
  assert.equal(await server.doctor(), "");
});
