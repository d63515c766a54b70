/* The command line, with and without a running server; one server a folder, one a port; what a wrong setting says. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before, test } from "node:test";
import { ask, binary, cliIn, environment, Person, Server, until, type Outcome } from "./harness.ts";

let scratch: string;
let server: Server;

before(async () => {
  scratch = await mkdtemp(join(tmpdir(), "parley-cli-"));
  server = await Server.start();
});
after(async () => {
  await server.end();
  await rm(scratch, { recursive: true, force: true });
});

const lastWord = (text: string): string => text.trim().split(/\s/).at(-1) ?? "";

/** A command that ends by itself; a start that should have been refused and was not is killed, and has no code. */
function run(words: string[], env: Record<string, string> = {}, program = binary): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = spawn(program, words, { env: { PATH: process.env["PATH"] ?? "", ...env }, timeout: 10_000, killSignal: "SIGKILL" });
    let [stdout, stderr] = ["", ""];
    child.stdout.on("data", (bytes: Buffer) => (stdout += bytes.toString()));
    child.stderr.on("data", (bytes: Buffer) => (stderr += bytes.toString()));
    child.on("close", (code) => resolve({ code, stdout, stderr }));
  });
}

async function meStatus(token: string): Promise<number> {
  return (await ask(server, "GET", "/me", { token })).status;
}

async function signInStatus(on: Server, login: string, password: string): Promise<number> {
  return (await ask(on, "POST", "/session", { body: { login, password } })).status;
}

/** Every command once, on a folder with or without a server. */
async function useEveryCommand(folder: string, prefix: string): Promise<void> {
  const done = async (words: string[], input?: string): Promise<string> => {
    const { code, stdout, stderr } = await cliIn(folder, words, input);
    assert.equal(code, 0, `${words.join(" ")}: ${stderr}`);
    return stdout;
  };
  const name = `${prefix}-bea`;
  await done(["user", "add", name, "--role", "member", "--email", `${name}@example.org`, "--password-stdin"], "correct horse\n");
  assert.match(await done(["user", "list"]), new RegExp(`${name}.*member`));
  await done(["user", "role", name, "admin"]);
  assert.match(await done(["user", "list"]), new RegExp(`${name}.*admin`));
  await done(["user", "passwd", name, "--password-stdin"], "battery staple\n");
  await done(["room", "add", `${prefix}-open`]);
  await done(["room", "add", `${prefix}-closed`, "--private"]);
  assert.match(lastWord(await done(["token", "create", "--user", name, "--expires", "30d"])), /^[\w.-]{20,}$/);
  await done(["user", "disable", name]);
  assert.match(await done(["user", "list"]), new RegExp(`${name}.*disabled`));
  await done(["user", "disable", name, "--enable"]);
  await done(["doctor"]);
}

test("every command works through a running server", () => useEveryCommand(server.folder, "live"));

test("every command works without a server, and the next server finds what they did", async () => {
  const other = await Server.start();
  try {
    assert.equal(await other.stop(), 0);
    await useEveryCommand(other.folder, "cold");
    const token = await other.token("cold-bea");
    await other.run();
    const bea = new Person(other, "cold-bea", token);
    assert.deepEqual((await bea.rooms()).some((room) => room["name"] === "cold-open"), true);
    assert.equal(await signInStatus(other, "cold-bea", "battery staple"), 201);
    assert.equal(await signInStatus(other, "cold-bea", "correct horse"), 401);
  } finally {
    await other.end();
  }
});

test("a room made for somebody is theirs, a private one too; over REST nobody makes one for another", async () => {
  const dee = await server.person("wanda");
  const made = await server.cli("room", "add", "the cellar", "--private", "--user", "wanda");
  assert.equal(made.code, 0, made.stderr);
  const cellar = await dee.room("the cellar");
  const other = await server.person("xaver");
  assert.equal((await dee.ask("POST", `/rooms/${cellar}/members`, { user: await other.id() })).status, 201, "its maker adds people");
  assert.equal((await server.cli("room", "add", "nobody's", "--user", "nobody")).code, 1);
  assert.equal((await dee.rooms()).some((room) => room["name"] === "nobody's"), false);
  assert.equal((await dee.ask("POST", "/rooms", { name: "a gift", maker: "xaver" })).body["field"], "maker");
});

test("people beyond the first hundred are listed too", async () => {
  const many = 230;
  const other = await Server.start();
  try {
    await other.person("ann", "owner");
    assert.equal(await other.stop(), 0);
    const db = new DatabaseSync(join(other.folder, "parley.db"));
    db.exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${String(many)})
      INSERT INTO account (id, name, name_folded, name_skeleton, display_name, email, role, status, bio, password_hash, created_at)
      SELECT randomblob(16), 'p' || i, 'p' || i, 'p' || i, 'p' || i, '', 1, '', '', '', 1 FROM n`);
    db.close();
    const names = async (): Promise<number> => new Set((await other.cli("user", "list")).stdout.trim().split("\n").map((line) => line.split(" ")[0])).size;
    assert.equal(await names(), many + 1, "without a server");
    await other.run();
    assert.equal(await names(), many + 1, "through one");
  } finally {
    await other.end();
  }
});

test("a token is the last word printed, works at once, and not beyond its end", async () => {
  const other = await Server.start();
  try {
    const dot = await other.person("dot");
    const made = await other.cli("token", "create", "--user", "dot", "--expires", "45m");
    const short = lastWord(made.stdout);
    const end = Date.parse(/expires (\S+)/.exec(made.stdout)?.[1] ?? "");
    assert.ok(Math.abs(end - Date.now() - 45 * 60_000) < 60_000, made.stdout);
    assert.equal((await ask(other, "GET", "/me", { token: short })).status, 200);
    /* The shortest life is a minute; the test lets it pass in the file. */
    await other.stop();
    const database = new DatabaseSync(join(other.folder, "parley.db"));
    const passed = database.prepare("UPDATE session SET expires_at = ? WHERE expires_at BETWEEN ? AND ?").run(Date.now() - 1, end - 2000, end + 2000);
    database.close();
    assert.equal(Number(passed.changes), 1);
    await other.run();
    assert.equal((await ask(other, "GET", "/me", { token: short })).status, 401);
    assert.equal((await ask(other, "GET", "/me", { token: dot.token })).status, 200);
  } finally {
    await other.end();
  }
});

test("a rank, a password and an end given on the command line hold at once", async () => {
  await server.person("eli", "owner");
  const fay = await server.person("fay");
  assert.equal((await fay.ask("POST", "/invites", {})).status, 403);
  await server.cli("user", "role", "fay", "admin");
  assert.equal((await fay.ask("POST", "/invites", {})).status, 201);
  const client = await fay.listen();
  await server.cli("user", "disable", "fay");
  assert.equal(await meStatus(fay.token), 401);
  await until("fay's socket to close", () => client.closed);
  assert.equal(await signInStatus(server, "eli", "correct horse"), 201);
  await cliIn(server.folder, ["user", "passwd", "eli", "--password-stdin"], "battery staple\n");
  assert.equal(await signInStatus(server, "eli", "correct horse"), 401);
  assert.equal(await signInStatus(server, "eli", "battery staple"), 201);
});

test("a wrong command says what is wrong and does nothing", async () => {
  const wrong: [string[], RegExp][] = [
    [["user", "add", "gus", "--role", "king", "--password-stdin"], /king|role/],
    [["user", "add", "gus", "--role", "member"], /password-stdin/],
    [["user", "role", "nobody-here", "admin"], /nobody-here|not|no /],
    [["token", "create", "--user", "nobody-here"], /nobody-here|not|no /],
    [["token", "create", "--user", "live-bea", "--expires", "soon"], /soon|expires/],
    [["user", "frobnicate"], /frobnicate|usage|parley/i],
    [["frobnicate"], /frobnicate|usage|parley/i],
  ];
  for (const [words, says] of wrong) {
    const { code, stderr } = await cliIn(server.folder, words, "correct horse\n");
    assert.ok(code !== 0 && code !== null, words.join(" "));
    assert.match(stderr, says);
  }
  assert.ok(!(await server.cli("user", "list")).stdout.includes("gus"));
});

test("version names the program and its version", async () => {
  const { code, stdout } = await run(["version"]);
  assert.equal(code, 0);
  assert.match(stdout, /^parley \d+\.\d+\.\d+/);
});

/* ---- backup and restore ---- */

test("a copy made while the server runs is restored as the README says, and begins a new epoch", async () => {
  const other = await Server.start();
  try {
    const ann = await other.person("ann", "owner");
    const general = await ann.room("general");
    await ann.send(general, "kept");
    const { cursor } = await ann.listen();
    const copy = join(scratch, "copy.db");
    const made = await other.cli("backup", copy);
    assert.equal(made.code, 0, made.stderr);
    await ann.send(general, "written after the copy");
    assert.equal(await other.stop(), 0);
    await copyFile(copy, join(other.folder, "parley.db"));
    for (const rest of ["-wal", "-shm"]) await rm(join(other.folder, `parley.db${rest}`), { force: true });
    await other.run();
    assert.deepEqual((await ann.history(general)).map((one) => one.text), ["kept"]);
    const again = await ann.listen(cursor);
    assert.equal(again.started["resumed"], false);
    assert.equal((await ann.send(general, "on")).status, 201);
    again.close();
    assert.equal(await other.doctor(), "");
  } finally {
    await other.end();
  }
});

test("without a server a backup is whole too, and no file is overwritten", async () => {
  const other = await Server.start();
  try {
    const ann = await other.person("ann", "owner");
    await ann.send(await ann.room("general"), "kept");
    await other.stop();
    const folder = join(scratch, "from-cold");
    await mkdir(folder);
    const copy = join(folder, "parley.db");
    assert.equal((await other.cli("backup", copy)).code, 0);
    assert.equal((await cliIn(folder, ["doctor"])).code, 0);
    assert.match((await cliIn(folder, ["user", "list"])).stdout, /ann/);
    await writeFile(join(scratch, "mine"), "my own file");
    const over = await other.cli("backup", join(scratch, "mine"));
    assert.notEqual(over.code, 0);
    assert.match(over.stderr, /already/);
    assert.equal(await readFile(join(scratch, "mine"), "utf8"), "my own file");
  } finally {
    await other.end();
  }
});

/* ---- one server a folder, one a port ---- */

test("a second server on the same folder is refused and the first goes on", async () => {
  const { code, stderr } = await run(["serve", "--data", server.folder, "--listen", "127.0.0.1:0"]);
  assert.ok(code !== 0 && code !== null);
  assert.ok(stderr.includes(server.folder), stderr);
  assert.equal((await server.cli("user", "list")).code, 0);
});

test("a second server on the same port is refused, though each loop shares its port", async () => {
  const first = await Server.start(["--loops=2"]);
  try {
    const { host, port } = new URL(first.url);
    const { code, stderr } = await run(["serve", "--data", join(scratch, "second"), "--listen", host, "--loops=2"]);
    assert.ok(code !== 0 && code !== null);
    assert.ok(stderr.includes(port), stderr);
  } finally {
    await first.end();
  }
});

test("the control socket that a SIGKILL left is replaced", async () => {
  const other = await Server.start();
  try {
    await other.kill();
    assert.equal((await other.cli("user", "list")).code, 0);
    await other.run();
    const ann = await other.person("ann", "owner");
    assert.equal((await ann.ask("GET", "/me")).status, 200);
  } finally {
    await other.end();
  }
});

test("a path longer than a socket's address works, and files of others in the folder are left alone", async () => {
  const folder = join(scratch, "long".repeat(20), "path".repeat(20));
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "README"), "not Parley's");
  const child = spawn(binary, ["serve", "--data", folder, "--listen", "127.0.0.1:0"], { env: environment });
  let log = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (bytes: Buffer) => (log += bytes.toString()));
  const exit = new Promise((resolve) => child.on("exit", resolve));
  try {
    await until("the server to listen", () => log.includes("Parley listens on"));
    const added = await cliIn(folder, ["user", "add", "ann", "--role", "owner", "--password-stdin"], "correct horse\n");
    assert.equal(added.code, 0, `${added.stderr}\n${log}`);
    child.kill("SIGTERM");
    assert.equal(await exit, 0, log);
    const listed = await cliIn(folder, ["user", "list"]);
    assert.match(listed.stdout, /ann/, listed.stderr);
    assert.equal(await readFile(join(folder, "README"), "utf8"), "not Parley's");
  } finally {
    child.kill("SIGKILL");
  }
});

/* ---- settings ---- */

const wrongSettings: [name: string, value: string, allowed: string][] = [
  ["loops", "many", "0 to 256"],
  ["log.level", "loud", "debug, info, warn, error"],
  ["net.close_timeout_ms", "1s2", "100 to 60000 ms"],
  ["listen", "nowhere", "ADDR:PORT"],
  ["store.batch_max", "10001", "1 to 10000"],
];

test("a wrong setting stops the start with its name, the value and what is allowed, wherever it stands", async () => {
  const serve = ["serve", "--data", join(scratch, "wrong")];
  for (const [name, value, allowed] of wrongSettings) {
    const [section, key] = name.includes(".") ? name.split(".") : ["", name];
    const file = join(scratch, "wrong.conf");
    await writeFile(file, `${section ? `[${section}]\n` : ""}${key ?? ""} = ${value}\n`);
    const variable = `PARLEY_${name.replace(".", "_").toUpperCase()}`;
    const outcomes = [await run([...serve, `--${name}=${value}`]), await run(serve, { [variable]: value }), await run([...serve, "--config", file])];
    for (const { code, stderr } of outcomes) {
      assert.ok(code !== 0 && code !== null, name);
      for (const part of [name, value, allowed]) assert.ok(stderr.includes(part), stderr);
    }
    assert.ok(outcomes[2]?.stderr.includes(file));
  }
});

test("an unknown setting is named; a file that is not there too", async () => {
  const file = join(scratch, "unknown.conf");
  await writeFile(file, "[net]\nsend_bath = writev\n");
  const serve = ["serve", "--data", join(scratch, "wrong")];
  for (const [words, says] of [
    [["--net.send_bath=writev"], "send_bath"],
    [["--config", file], "send_bath"],
    [["--config", join(scratch, "absent.conf")], "absent.conf"],
  ] as [string[], string][]) {
    const { code, stderr } = await run([...serve, ...words]);
    assert.ok(code !== 0 && code !== null, words.join(" "));
    assert.ok(stderr.includes(says), stderr);
  }
});

test("the command line goes before the environment, that before the file", async () => {
  const file = join(scratch, "order.conf");
  await writeFile(file, "loops = 3\n[limits]\nrate = off\n");
  const other = await Server.start(["--config", file, "--net.send_batch=writev"]);
  other.env = { PARLEY_NET_SEND_BATCH: "auto", PARLEY_LOOPS: "1" };
  try {
    await other.stop();
    await other.run();
    assert.match(await until("the start's log line", () => /event="started".*/.exec(other.log)?.[0]), /loops=1 send_batch="writev"/);
  } finally {
    await other.end();
  }
});

test("what is daring is warned of: listening beyond loopback without public_url, and no rate limits", async () => {
  const other = await Server.start(["--listen", "0.0.0.0:0"]);
  try {
    assert.match(await until("the warning", () => /level=warn .*public_url.*/.exec(other.log)?.[0]), /0\.0\.0\.0/);
    assert.match(other.log, /level=warn .*limits\.rate/);
    await other.stop();
    other.options.push("--public_url=http://chat.example.org", "--limits.rate=on");
    await other.run();
    await until("the start", () => other.log.includes('event="started"'));
    assert.doesNotMatch(other.log, /level=warn .*(public_url|limits\.rate)/);
  } finally {
    await other.end();
  }
});

/* ---- io_uring forbidden, as containers forbid it ---- */

/* Installs a seccomp filter under which io_uring_setup (425) gives EPERM, then becomes the command. */
const forbidding = `
import ctypes, os, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
load, jump_equal, give = 0x20, 0x15, 0x06
steps = [(load, 0, 0, 0), (jump_equal, 0, 1, 425), (give, 0, 0, 0x00050000 | 1), (give, 0, 0, 0x7FFF0000)]
program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
head = struct.pack("HxxxxxxP", len(steps), ctypes.addressof(program))
if libc.prctl(38, 1, 0, 0, 0) != 0 or libc.prctl(22, 2, head, 0, 0) != 0:
    sys.exit("no seccomp filter: " + os.strerror(ctypes.get_errno()))
os.execv(sys.argv[1], sys.argv[1:])
`;

test("net.send_batch=io_uring where the kernel forbids it stops the start and says so; auto takes writev", async () => {
  const serve = ["-c", forbidding, binary, "serve", "--data", join(scratch, "forbidden"), "--listen", "127.0.0.1:0"];
  const { code, stderr } = await run([...serve, "--net.send_batch=io_uring"], {}, "python3");
  assert.ok(code !== 0 && code !== null, stderr);
  assert.match(stderr, /net\.send_batch/);
  assert.match(stderr, /io_uring/);
  const child = spawn("python3", [...serve, "--net.send_batch=auto"], { env: { PATH: process.env["PATH"] ?? "" } });
  let log = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (bytes: Buffer) => (log += bytes.toString()));
  const exit = new Promise((resolve) => child.on("exit", resolve));
  try {
    await until("the server to start", () => log.includes('event="started"') || child.exitCode !== null);
    assert.match(log, /send_batch="writev"/);
    child.kill("SIGTERM");
    assert.equal(await exit, 0);
  } finally {
    child.kill("SIGKILL");
  }
});
