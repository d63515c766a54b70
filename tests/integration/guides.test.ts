/* The guides of docs/: each block of code that has a name is taken out of its page and run, as a reader would, against the real
   server with the unmodified clients of Socket.IO. */
import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { after, afterEach, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { binary, environment, Server, until, type Person } from "./harness.ts";

/* Python on a busy machine is slow to start, and to come back. */
const programLimit_ms = 60_000;

const docs = fileURLToPath(new URL("../../docs/", import.meta.url));
const modules = fileURLToPath(new URL("../node_modules/", import.meta.url));

let server: Server;
let ann: Person;
let general: string;
let folder: string;
const started: ChildProcess[] = [];

before(async () => {
  server = await Server.start(["--loops=2"]);
  ann = await server.person("ann", "owner");
  general = await ann.room("general");
  /* among the modules, so that the programs find theirs */
  await mkdir(join(modules, ".cache"), { recursive: true });
  folder = await mkdtemp(join(modules, ".cache/guides-"));
});
afterEach(() => {
  for (const child of started.splice(0)) child.kill("SIGKILL");
});
after(async () => {
  await server.end();
  await rm(folder, { recursive: true, force: true });
});

/** Writes the block of that name to a file; its path. */
async function block(page: string, name: string): Promise<string> {
  const text = await readFile(join(docs, page), "utf8");
  const found = new RegExp(`^\`\`\`\\w+ file=${name.replaceAll(".", "\\.")}\\n(.*?)^\`\`\`$`, "ms").exec(text);
  assert.ok(found?.[1], `${page} has no block ${name}`);
  const path = join(folder, page.replace(/\.md$/, ""), name);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, found[1]);
  return path;
}

/** A program of a guide while it runs. */
class Program {
  out = "";
  errors = "";
  readonly child: ChildProcess;
  readonly #exit: Promise<number | null>;

  private constructor(child: ChildProcess) {
    this.child = child;
    started.push(child);
    this.#exit = new Promise((resolve) => child.on("exit", (code) => resolve(code)));
    child.stdout?.on("data", (bytes: Buffer) => (this.out += bytes.toString()));
    child.stderr?.on("data", (bytes: Buffer) => (this.errors += bytes.toString()));
  }

  static async run(page: string, name: string, env: Record<string, string>): Promise<Program> {
    const path = await block(page, name);
    const [command, words]: [string, string[]] = name.endsWith(".py")
      ? ["/usr/bin/python3", [path]] /* Debian's, which has Debian's modules */
      : name.endsWith(".sh")
        ? ["/bin/sh", ["-e", path]]
        : [process.execPath, [path]];
    const programEnv = { ...environment, CHAT_URL: server.url, TOKEN: ann.token, PYTHONUNBUFFERED: "1", ...env };
    return new Program(spawn(command, words, { env: programEnv }));
  }

  lines(): string[] {
    return this.out.split("\n").filter((line) => line !== "");
  }

  /** Looks into all that it wrote: lines of two threads may run into each other. */
  async sees(text: string | RegExp): Promise<void> {
    const isThere = () => (typeof text === "string" ? this.out.includes(text) : text.test(this.out));
    await until(`"${String(text)}"`, isThere, programLimit_ms).catch((error: unknown) => {
      throw new Error(`${String(error)}; it wrote:\n${this.out}\n${this.errors}`);
    });
  }

  async ends(): Promise<void> {
    const code = await Promise.race([this.#exit, until("its end", () => this.child.exitCode ?? undefined, programLimit_ms)]);
    assert.equal(code, 0, this.errors);
  }

  async kill(): Promise<void> {
    this.child.kill("SIGKILL");
    await this.#exit;
  }
}

async function freePort(): Promise<string> {
  const listener = createServer();
  await new Promise<void>((done) => listener.listen(0, "127.0.0.1", done));
  const { port } = listener.address() as AddressInfo;
  await new Promise((done) => listener.close(done));
  return String(port);
}

const count = (program: Program, text: string) => program.out.split(text).length - 1;
const say = async (text: string) => assert.equal((await ann.send(general, text)).status, 201);
const restart = async () => {
  await server.kill();
  await server.run();
};

test("JavaScript: the first program signs in, sends, and hears itself", async () => {
  const program = await Program.run("SOCKETIO-JAVASCRIPT.md", "chat.mjs", {});
  await program.sees(/stored as \d+/);
  await program.sees("ann: hello from Socket.IO");
  await restart();
  await program.sees(/stored as \d+[^]*stored as \d+/);
  assert.equal((await ann.history(general)).filter(({ text }) => text === "hello from Socket.IO").length, 1, program.out);
  const stranger = await Program.run("SOCKETIO-JAVASCRIPT.md", "chat.mjs", { TOKEN: "pl_nothing" });
  await stranger.sees(/not connected: /);
});

test("JavaScript: recovery over a killed server, each event once", async () => {
  const program = await Program.run("SOCKETIO-JAVASCRIPT.md", "recovery.mjs", {});
  await program.sees("started afresh");
  await say("before the kill");
  await program.sees("before the kill");
  await restart();
  await say("after the kill");
  await program.sees("recovered");
  await program.sees("after the kill");
  assert.deepEqual(program.lines().toSorted(), ["after the kill", "before the kill", "recovered", "started afresh"]);
});

test("JavaScript: a program that was itself restarted goes on from its cursor", async () => {
  const env = { CURSOR_FILE: join(folder, "cursor") };
  const first = await Program.run("SOCKETIO-JAVASCRIPT.md", "cursor.mjs", env);
  await first.sees("the whole state");
  await say("one");
  await until("the cursor", () => readFile(env.CURSOR_FILE, "utf8").catch(() => undefined));
  await first.kill();
  await say("two");
  const second = await Program.run("SOCKETIO-JAVASCRIPT.md", "cursor.mjs", env);
  await second.sees("resumed, 1 missed");
  await second.sees("two");
  assert.equal(count(second, "one"), 0);
});

test("Python: the first program signs in, sends, hears itself, and leaves", async () => {
  const program = await Program.run("SOCKETIO-PYTHON.md", "chat.py", {});
  await program.sees(/stored as \d+/);
  await program.sees("ann: hello from Python");
  await restart();
  await program.sees(/stored as \d+[^]*stored as \d+/);
  assert.equal((await ann.history(general)).filter(({ text }) => text === "hello from Python").length, 1, program.out);
  await say("goodbye");
  await program.ends();
});

test("Python: the cursor, over a killed server, each event once", async () => {
  const program = await Program.run("SOCKETIO-PYTHON.md", "cursor.py", {});
  await program.sees("the whole state");
  await say("before the kill");
  await program.sees("before the kill");
  await restart();
  await say("after the kill");
  await program.sees("resumed");
  await program.sees("after the kill");
  await say("goodbye");
  await program.ends();
  for (const text of ["before the kill", "after the kill", "goodbye"]) assert.equal(count(program, text), 1, program.out);
});

test("from Socket.IO: the same, before and after", async () => {
  const port = await freePort();
  const old = await Program.run("MIGRATE-SOCKETIO.md", "before-server.mjs", { PORT: port });
  await old.sees("listening");
  const before = await Program.run("MIGRATE-SOCKETIO.md", "before-client.mjs", { CHAT_URL: `http://127.0.0.1:${port}` });
  await before.sees("ann: hello");
  await before.sees("sent");
  const accounts = await Server.start();
  try {
    await accounts.person("owner", "owner");
    const env = { DATA: accounts.folder, PASSWORD: "correct horse", PATH: `${dirname(binary)}:${process.env["PATH"] ?? ""}` };
    const made = await Program.run("MIGRATE-SOCKETIO.md", "accounts.sh", env);
    await made.ends();
    const token = made.out.trim().split("\n").at(-1) ?? ""; /* the token by itself */
    const now = await Program.run("MIGRATE-SOCKETIO.md", "after-client.mjs", { CHAT_URL: accounts.url, TOKEN: token });
    await now.sees("ann: hello");
    await now.sees("sent");
  } finally {
    await accounts.end();
  }
});

test("from Socket.IO: old messages are brought in, past the rate limit, and again without a second one", async () => {
  const limited = await Server.start(["--limits.rate=on", "--limits.person_burst=5", "--limits.person_rate=5"]);
  try {
    const owner = await limited.person("owner", "owner");
    const old = Array.from({ length: 12 }, (_, i) => ({ id: String(i), text: `old ${String(i)}` }));
    const file = join(folder, "old.json");
    await writeFile(file, JSON.stringify(old));
    for (let time = 0; time < 2; time += 1) {
      const program = await Program.run("MIGRATE-SOCKETIO.md", "import.mjs", { CHAT_URL: limited.url, TOKEN: owner.token, OLD_MESSAGES: file });
      await program.sees("brought in 12");
      await program.ends();
    }
    limited.options.push("--limits.rate=off");
    await limited.kill();
    await limited.run();
    assert.deepEqual((await owner.history(await owner.room("general"))).map(({ text }) => text), old.map(({ text }) => text));
  } finally {
    await limited.end();
  }
});

test("from Flask-SocketIO: the same, before and after, and a view that posts", async () => {
  const port = await freePort();
  const old = await Program.run("MIGRATE-FLASK-SOCKETIO.md", "before_server.py", { PORT: port });
  await until("the old server", () => fetch(`http://127.0.0.1:${port}/`).then(() => true).catch(() => old.child.exitCode !== null));
  const env = { CHAT_URL: `http://127.0.0.1:${port}`, TOKEN: ann.token };
  const before = await Program.run("MIGRATE-FLASK-SOCKETIO.md", "before_client.py", env);
  await before.sees("ann: hello");
  await before.ends();
  env.CHAT_URL = server.url;
  const now = await Program.run("MIGRATE-FLASK-SOCKETIO.md", "after_client.py", env);
  await now.sees("ann: hello");
  await now.ends();
  for (let time = 0; time < 2; time += 1) {
    const view = await Program.run("MIGRATE-FLASK-SOCKETIO.md", "after_view.py", env);
    await view.sees(/20[01] order 4711 was paid/);
    await view.ends();
  }
  assert.equal((await ann.history(general)).filter(({ text }) => text === "order 4711 was paid").length, 1);
});
