/* A server's life: stopping, health, metrics, what the log must not hold, and a database that is not as it should be. */
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { chmod, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { request } from "node:http";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, test } from "node:test";
import { promisify } from "node:util";
import { ask, binary, Server, until, type Outcome, type Person } from "./harness.ts";
import { Line } from "./raw.ts";

const stopping = 4000;
const drain_ms = 300;

let server: Server;
let ann: Person;
let general: string;

beforeEach(async () => {
  server = await Server.start([`--drain_ms=${drain_ms}`, "--log.level=debug"]);
  ann = await server.person("ann", "owner");
  general = await ann.room("general");
});
afterEach(() => server.end());

/** A start that is to be refused; one that was not is killed, and has no code. */
function serve(words: string[] = [], before: string[] = []): Promise<Outcome> {
  const [program = binary, ...rest] = [...before, binary, "serve", "--data", server.folder, "--listen", "127.0.0.1:0", ...words];
  return new Promise((resolve) => {
    const child = spawn(program, rest, { env: { PATH: process.env["PATH"] ?? "" }, timeout: 10_000, killSignal: "SIGKILL" });
    let [stdout, stderr] = ["", ""];
    child.stdout.on("data", (bytes: Buffer) => (stdout += bytes.toString()));
    child.stderr.on("data", (bytes: Buffer) => (stderr += bytes.toString()));
    child.on("close", (code) => resolve({ code, stdout, stderr }));
  });
}

/** A request with a Host of its own choice, which fetch does not send. */
function getAs(url: string, host: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    request(url, { headers: { host } }, (response) => {
      response.resume();
      resolve(response.statusCode);
    })
      .on("error", reject)
      .end();
  });
}

function open(url: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => resolve(socket));
    socket.once("error", reject);
  });
}

/* ---- the end ---- */

for (const signal of ["SIGTERM", "SIGINT"] as const)
  test(`${signal} closes the sockets with the code that says come again, and the exit is clean`, async () => {
    const clients = await Promise.all([ann.listen(), ann.listen()]);
    process.kill(server.pid, signal);
    for (const client of clients) {
      const closed = await until("the close", () => client.closed);
      assert.equal(closed.code, stopping);
      assert.match(closed.reason, /retry_after=\d+/);
    }
    assert.equal(await server.exited(), 0);
    await assert.rejects(open(server.url));
  });

test("what was sent before the stop is answered and stored, or not answered", async () => {
  const client = await ann.listen();
  const replies = Array.from({ length: 200 }, (_, i) => client.send(general, `over the socket ${String(i)}`));
  const answers = Array.from({ length: 20 }, (_, i) => ann.send(general, `by request ${String(i)}`).catch(() => undefined));
  await replies[0];
  const exit = server.stop();
  const sent = (await Promise.all(replies)).filter((reply) => reply["result"] !== undefined).length;
  const answered = (await Promise.all(answers)).filter((answer) => answer?.status === 201).length;
  assert.equal(await exit, 0);
  await server.run();
  const texts = (await ann.history(general)).map((one) => one.text);
  assert.ok(sent > 0);
  assert.ok(texts.filter((text) => text.startsWith("over")).length >= sent);
  assert.ok(texts.filter((text) => text.startsWith("by")).length >= answered);
  assert.equal(new Set(texts).size, texts.length);
  assert.equal(await server.doctor(), "");
});

test("who does not answer the close is cut after drain_ms", async () => {
  const deaf = await ann.listen();
  deaf.socket.pause();
  const start = Date.now();
  assert.equal(await server.stop(), 0);
  const took_ms = Date.now() - start;
  assert.ok(took_ms >= drain_ms - 50 && took_ms < 3000, `took ${String(took_ms)} ms`);
  deaf.close();
});

test("while it drains nobody new is let in", async () => {
  const deaf = await ann.listen();
  deaf.socket.pause();
  const exit = server.stop();
  await until("connections to be refused", async () => {
    try {
      (await open(server.url)).destroy();
      return false;
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === "ECONNREFUSED";
    }
  });
  process.kill(server.pid, 0); /* still there: it drains */
  assert.equal(await exit, 0);
  deaf.close();
});

test("who stops a server right after it has listened, and spoken to it, sees it end well, however often", async () => {
  const hasty = await Server.start();
  for (let time = 0; time < 15; time += 1) {
    assert.equal((await hasty.cli("user", "list")).code, 0);
    assert.equal(await hasty.stop(), 0, hasty.log);
    await hasty.run();
  }
  await hasty.end();
});

test("who stops a server while its control socket is held sees it end well", async () => {
  const held = await Promise.all(
    Array.from({ length: 4 }, async () => {
      const socket = connect(join(server.folder, "control.sock"));
      socket.on("error", () => undefined);
      socket.write("no request\n");
      await new Promise((resolve) => socket.once("data", resolve));
      return socket;
    }),
  );
  assert.equal(await server.stop(), 0, server.log);
  for (const socket of held) socket.destroy();
});

/* ---- health, metrics, logs ---- */

test("health and readiness ignore Host; nothing else does", async () => {
  for (const path of ["/healthz", "/readyz"]) {
    assert.equal((await fetch(`${server.url}${path}`)).status, 200);
    assert.equal(await getAs(`${server.url}${path}`, "10.1.2.3:99"), 200);
  }
  for (const path of ["/api/v1/me", "/metrics", "/"]) assert.ok(Number(await getAs(`${server.url}${path}`, "evil.example")) >= 400, path);
});

test("metrics need a bearer that may read them, but not on an address of their own", async () => {
  const bea = await server.person("bea");
  const metrics = async (token?: string): Promise<Response> => fetch(`${server.url}/metrics`, { headers: token === undefined ? {} : { authorization: `Bearer ${token}` } });
  assert.equal((await metrics()).status, 401);
  assert.equal((await metrics(bea.token)).status, 403);
  const permitted = await metrics(ann.token);
  assert.equal(permitted.status, 200);
  assert.match(await permitted.text(), /^# TYPE parley_\w+ /m);
  const free = 20_000 + Math.floor(Math.random() * 10_000);
  server.options.push(`--metrics.listen=127.0.0.1:${String(free)}`);
  await server.stop();
  await server.run();
  const own = await fetch(`http://127.0.0.1:${String(free)}/metrics`);
  assert.match(await own.text(), /^# TYPE parley_\w+ /m);
  assert.equal((await fetch(`http://127.0.0.1:${String(free)}/api/v1/me`)).status, 404);
  const line = await Line.open(`http://127.0.0.1:${String(free)}`);
  line.write("OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\nGET http://x/metrics HTTP/1.1\r\nHost: x\r\n\r\n");
  await until("both answers", () => line.statuses.length === 2);
  assert.deepEqual(line.statuses, [204, 200]);
  line.close();
});

test("the log at its most talkative holds no password, token or message text", async () => {
  const answer = await ask(server, "POST", "/session", { body: { login: "ann", password: "correct horse", token: true } });
  await ask(server, "POST", "/session", { body: { login: "ann", password: "wrong zebra crossing" } });
  const client = await ann.listen();
  await client.send(general, "secret walnut");
  await client.ask("message.send", { room: general, text: 7, nonce: "secret walnut" });
  await ann.send(general, "secret walnut");
  await fetch(`${server.url}/api/v1/me?token=${ann.token}`);
  client.close();
  assert.equal(await server.stop(), 0);
  assert.ok(server.log.includes('event="stopped"'));
  for (const secret of ["correct horse", "wrong zebra", "walnut", ann.token, answer.body["token"] as string]) assert.ok(!server.log.includes(secret), secret);
});

/* ---- a database that is not as it should be ---- */

const databaseFile = (): string => join(server.folder, "parley.db");

test("a database that is none, or is torn, stops the start and stays as it is", async () => {
  await server.stop();
  const whole = await readFile(databaseFile());
  const torn = Buffer.from(whole);
  torn.fill(0xa5, 4096, 8 * 4096);
  for (const bytes of [Buffer.from("this is no database, but a letter. ".repeat(200)), torn]) {
    await writeFile(databaseFile(), bytes);
    const { code, stderr } = await serve();
    assert.ok(code !== 0 && code !== null, stderr);
    assert.match(stderr, /corrupt|not a database|malformed|damaged/i);
    assert.ok(stderr.includes("parley.db"), stderr);
    assert.deepEqual(await readFile(databaseFile()), bytes);
  }
  await writeFile(databaseFile(), whole);
  await server.run();
});

test("a folder or a database that cannot be written stops the start with its name, and stays as it is", async () => {
  /* Root writes where the mode forbids it, unless it has given up that right. */
  const plain = process.getuid?.() === 0 ? ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] : [];
  await server.stop();
  const whole = await readFile(databaseFile());
  const files = await readdir(server.folder);
  for (const [path, mode] of [[databaseFile(), 0o444], [server.folder, 0o555]] as const) {
    const { mode: before } = await stat(path);
    await chmod(path, mode);
    const { code, stderr } = await serve([], plain);
    await chmod(path, before);
    assert.ok(code !== 0 && code !== null, stderr);
    assert.ok(stderr.includes(path), stderr);
    assert.match(stderr, /read-?only|permission|cannot be written/i);
    assert.deepEqual(await readFile(databaseFile()), whole);
  }
  assert.deepEqual((await readdir(server.folder)).filter((name) => !files.includes(name) && name !== "lock"), []);
  await server.run();
  assert.equal((await ann.send(general, "writable again")).status, 201);
});

test("a database of a newer release stops the start with both versions", async () => {
  await server.stop();
  const database = new DatabaseSync(databaseFile());
  database.exec("PRAGMA user_version = 999; UPDATE meta SET value = '999' WHERE key = 'schema_floor'");
  database.close();
  const { code, stderr } = await serve();
  assert.ok(code !== 0 && code !== null);
  assert.match(stderr, /999.*newer release.*up to \d+/);
});

test("a disk that is full gives 503 and stores nothing of the request; the server goes on", async () => {
  await ann.send(general, "before");
  await promisify(execFile)("prlimit", ["--fsize=65536:unlimited", "--pid", String(server.pid)]);
  const statuses: number[] = [];
  await until("the disk to be full", async () => {
    const { status } = await ann.send(general, "x".repeat(3000));
    statuses.push(status);
    return status !== 201;
  });
  assert.equal(statuses.at(-1), 503);
  const stored = (await ann.history(general)).length;
  assert.equal(stored, statuses.length);
  await promisify(execFile)("prlimit", ["--fsize=unlimited:unlimited", "--pid", String(server.pid)]);
  await until("the server to store again", async () => (await ann.send(general, "after")).status === 201);
  assert.equal(await server.doctor(), "");
});

test("a disk that is full at the start stops it with a clear message, and nothing is left half made", async () => {
  await server.stop();
  const fresh = join(server.folder, "fresh");
  const { code, stderr } = await serve(["--data", fresh], ["prlimit", "--fsize=8192"]);
  assert.ok(code !== 0 && code !== null, stderr);
  assert.match(stderr, /disk/i);
  assert.match((await serve(["--data", fresh], ["timeout", "--signal=TERM", "1"])).stdout, /Parley listens on/);
});
