/* The SDK in Node against the real server: sockets, the fallback where they are blocked, restarts, and every example. */
import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer, request, type Server as HttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { connect, memoryStore, ParleyError, type Client, type ConnectOptions, type ServerEvent } from "../../web/sdk/index.ts";
import { fileCursor, fileStore } from "../../web/sdk/node.ts";
import { Server, until, type Person } from "./harness.ts";
import { freePort } from "./raw.ts";

let server: Server;
let ann: Person;
let bot: Person;
let general: string;
let folder: string;

before(async () => {
  server = await Server.start();
  ann = await server.person("ann", "owner");
  bot = await server.person("bot");
  general = await ann.room("general");
  folder = await mkdtemp(join(tmpdir(), "parley-sdk-"));
});
after(async () => {
  await server.end();
  await rm(folder, { recursive: true, force: true });
});

/** A proxy as some companies have it: all HTTP goes through, no upgrade does. */
class StrictProxy {
  readonly #http: HttpServer;
  upgrades = 0;
  streams = 0;

  private constructor() {
    this.#http = createServer((incoming, outgoing) => {
      if (incoming.url?.startsWith("/api/v1/events")) this.streams += 1;
      const target = new URL(server.url);
      const upstream = request({ host: target.hostname, port: target.port, method: incoming.method, path: incoming.url, headers: { ...incoming.headers, host: target.host } }, (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(outgoing);
        answer.on("error", () => outgoing.destroy());
      });
      upstream.on("error", () => outgoing.destroy());
      outgoing.on("close", () => upstream.destroy());
      incoming.pipe(upstream);
    });
    this.#http.on("upgrade", (_request, socket) => {
      this.upgrades += 1;
      socket.end("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    });
  }

  static async start(): Promise<StrictProxy> {
    const proxy = new StrictProxy();
    await new Promise<void>((resolve) => proxy.#http.listen(0, "127.0.0.1", resolve));
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${String((this.#http.address() as AddressInfo).port)}`;
  }

  end(): void {
    this.#http.closeAllConnections();
    this.#http.close();
  }
}

/** A client and all that it heard. */
function open(options: ConnectOptions): { client: Client; events: ServerEvent[]; texts: () => string[] } {
  const events: ServerEvent[] = [];
  const client = connect({ token: bot.token, ...options });
  client.on("*", (event) => events.push(event));
  const texts = (): string[] => events.filter((one) => one.event === "message.created").map((one) => (one as ServerEvent<"message.created">).data.message.text);
  return { client, events, texts };
}

test("a socket is preferred; operations, events and sending are typed and work", async () => {
  const { client, texts } = open({ url: server.url });
  const { state, resumed } = await client.ready;
  assert.deepEqual([client.way, resumed, state?.user.name], ["socket", false, "bot"]);
  const message = await client.send(general, "by the SDK");
  await ann.send(general, "to the SDK");
  await until("both messages", () => texts().length === 2);
  assert.deepEqual(texts(), ["by the SDK", "to the SDK"]);
  assert.equal((await client.request("message.list", { room: general })).messages.at(-2)?.id, message.id);
  await assert.rejects(client.request("room.get", { room: crypto.randomUUID() }), (failure) => failure instanceof ParleyError && failure.code === "not_found");
  await assert.rejects(client.send(crypto.randomUUID(), "nowhere"), (failure) => failure instanceof ParleyError && failure.code === "not_found");
  client.close();
});

test("a token that is none is told, over a socket and over a stream", async () => {
  for (const way of ["socket", "stream"] as const) {
    const { client } = open({ url: server.url, token: "pk_nonsense", way });
    await assert.rejects(client.ready, (failure) => failure instanceof ParleyError && failure.code === "invalid_token");
    assert.equal(client.state.state, "ended");
  }
});

/** Another program than Parley, that answers all in its own way; its address. */
async function stranger(status: number): Promise<{ url: string; end: () => void }> {
  const http = createServer((_request, response) => response.writeHead(status, { "content-type": "text/html" }).end("<h1>hello</h1>"));
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  const end = (): void => {
    http.closeAllConnections();
    http.close();
  };
  return { url: `http://127.0.0.1:${String((http.address() as AddressInfo).port)}`, end };
}

for (const way of ["auto", "socket", "stream"] as const)
  test(`a refusal that waiting does not mend is told, with its cause (${way})`, async () => {
    const port = await freePort();
    const elsewhere = await Server.start(["--public_url=http://chat.example.org", `--listen=127.0.0.1:${String(port)}`]);
    const person = await elsewhere.person("ann", "owner");
    const others = [await stranger(404), await stranger(200)];
    const refusals: [string, string][] = [[`http://127.0.0.1:${String(port)}`, "unknown_host"], ...others.map(({ url }): [string, string] => [url, "not_parley"])];
    for (const [url, code] of refusals) {
      const causes: string[] = [];
      const { client } = open({ url, token: person.token, way, onState: (state) => "cause" in state && causes.push(state.cause.code) });
      await assert.rejects(client.ready, (failure) => failure instanceof ParleyError && failure.code === code);
      assert.equal(causes.at(-1), code);
      client.close();
    }
    for (const other of others) other.end();
    await elsewhere.end();
  });

test("a server that is away is told as the cause, and waited for", async () => {
  await server.kill();
  const causes: string[] = [];
  const { client } = open({ url: server.url, onState: (state) => "cause" in state && causes.push(state.cause.code) });
  await until("causes of both ways", () => causes.length > 2);
  await server.run();
  await client.ready;
  assert.deepEqual([...new Set(causes)], ["network"]);
  client.close();
});

test("after signing out nothing is sent any more, which is told; what waited stays in the store", async () => {
  for (const way of ["socket", "stream"] as const) {
    const person = await server.person(`leaving-${way}`);
    const store = memoryStore();
    const { client } = open({ url: server.url, token: person.token, way, store });
    await client.ready;
    await store.put({ nonce: `left-${way}`, room: general, text: "left", created_at: new Date().toISOString() });
    assert.equal((await person.ask("DELETE", "/session")).status, 200);
    await until("the end", () => client.state.state === "ended");
    await assert.rejects(client.send(general, "too late"), (failure) => failure instanceof ParleyError && failure.code === "invalid_token");
    assert.deepEqual((await store.all()).map((one) => one.nonce), [`left-${way}`]);
  }
});

test("what is on its way when the session ends, or when the client is closed, is told to be unsent, and kept", async () => {
  for (const end of ["sign out", "close"]) {
    const person = await server.person(`cut-${end.replace(" ", "-")}`);
    const store = memoryStore();
    const { client } = open({ url: server.url, token: person.token, way: "socket", store });
    await client.ready;
    await server.kill();
    await until("the loss", () => client.state.state === "waiting");
    const waiting = assert.rejects(client.send(general, "in the dark"), (failure) => failure instanceof ParleyError && failure.code === "closed");
    if (end === "close") client.close();
    else await server.cli("user", "disable", person.name);
    await server.run();
    await waiting;
    assert.deepEqual((await store.all()).map((one) => one.text), ["in the dark"]);
    client.close();
  }
});

for (const useTicket of [false, true])
  test(`where sockets are blocked it goes on over an event stream${useTicket ? " with tickets" : ""}, and over a restart nothing is lost or twice`, async () => {
    const proxy = await StrictProxy.start();
    const room = await ann.makeRoom(`Blocked ${String(useTicket)}`);
    await ann.ask("POST", `/rooms/${room}/members`, { user: await bot.id() });
    const { client, texts } = open({ url: proxy.url, store: fileStore(join(folder, `outbox-${String(useTicket)}.json`)), useTicket });
    await client.ready;
    assert.deepEqual([client.way, proxy.upgrades, proxy.streams], ["stream", 2, 1]);
    const expected: string[] = [];
    const say = async (text: string): Promise<void> => {
      expected.push(text);
      assert.equal((await ann.send(room, text)).status, 201);
    };
    const answer = async (text: string): Promise<void> => {
      expected.push(text);
      await client.send(room, text);
    };
    for (let round = 0; round < 3; round += 1) {
      for (let i = 0; i < 5; i += 1) await say(`said ${String(round)}.${String(i)}`);
      await answer(`answered ${String(round)}`);
      await server.kill();
      await until("the client to notice", () => client.state.state !== "open");
      expected.push(`written in the dark ${String(round)}`);
      const waiting = client.send(room, `written in the dark ${String(round)}`);
      await server.run();
      await waiting;
      await say(`after it ${String(round)}`);
    }
    await until("all of it", () => texts().length >= expected.length);
    assert.deepEqual(texts(), expected);
    assert.deepEqual((await ann.history(room)).map((one) => one.text), expected);
    assert.equal(client.way, "stream");
    client.close();
    proxy.end();
  });

test("what a killed client had taken on is sent by the next one on the same store, once", async () => {
  const room = await ann.makeRoom("Taken on");
  await ann.ask("POST", `/rooms/${room}/members`, { user: await bot.id() });
  const path = join(folder, "taken.json");
  await server.kill();
  const first = open({ url: server.url, store: fileStore(path) });
  const told = Promise.allSettled([first.client.send(room, "one"), first.client.send(room, "two")]);
  await until("both to be on the disk", async () => (JSON.parse(await readFile(path, "utf8").catch(() => "[]")) as unknown[]).length === 2);
  first.client.close();
  assert.deepEqual((await told).map((one) => one.status === "rejected" && (one.reason as ParleyError).code), ["closed", "closed"]);
  await server.run();
  const second = open({ url: server.url, store: fileStore(path) });
  await until("both to be stored", async () => (await ann.history(room)).length === 2);
  await until("the store to be empty", async () => (await readFile(path, "utf8")) === "[]");
  assert.deepEqual((await ann.history(room)).map((one) => one.text), ["one", "two"]);
  second.client.close();
});

test("a cursor of a socket goes on over a stream, and back", async () => {
  let cursor: string | undefined;
  for (const way of ["socket", "stream", "socket"] as const) {
    const missed = `missed before ${way}`;
    await ann.send(general, missed);
    const { client, texts } = open({ url: server.url, way, ...(cursor === undefined ? {} : { cursor }) });
    const { resumed } = await client.ready;
    assert.equal(resumed, cursor !== undefined);
    await ann.send(general, `live over ${way}`);
    await until("the events", () => texts().includes(`live over ${way}`));
    assert.deepEqual(texts(), cursor === undefined ? [`live over ${way}`] : [missed, `live over ${way}`]);
    cursor = client.cursor;
    client.close();
  }
});

/* ---- examples ---- */

const examples: ChildProcess[] = [];
after(() => {
  for (const child of examples) child.kill("SIGKILL"); /* what a failed test left */
});

class Example {
  out = "";
  readonly child: ChildProcess;
  readonly exit: Promise<number | null>;

  constructor(name: string, words: string[] = [], env: Record<string, string> = {}) {
    const path = fileURLToPath(new URL(`../../examples/${name}`, import.meta.url));
    this.child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", path, ...words], { cwd: folder, env: { PATH: process.env["PATH"], CHAT_URL: server.url, TOKEN: bot.token, ...env } });
    examples.push(this.child);
    for (const stream of [this.child.stdout, this.child.stderr]) stream?.on("data", (bytes: Buffer) => (this.out += bytes.toString()));
    this.exit = new Promise((resolve) => this.child.on("exit", (code) => resolve(code)));
  }

  async saw(text: string): Promise<void> {
    await until(`"${text}" from the example`, () => this.out.includes(text) || (this.child.exitCode !== null && assert.fail(this.out)));
  }

  async stop(): Promise<void> {
    this.child.kill("SIGTERM");
    await this.exit;
  }
}

test("examples/bot.ts answers, over a restart of the server too; it is 20 lines at most", async () => {
  const source = await readFile(new URL("../../examples/bot.ts", import.meta.url), "utf8");
  assert.ok(source.split("\n").length <= 20);
  const example = new Example("bot.ts");
  await example.saw("listening over socket");
  const answers = async (): Promise<number> => (await ann.history(general)).filter((one) => one.text.startsWith("It is 20")).length;
  await ann.send(general, "!time");
  await until("an answer", async () => (await answers()) === 1);
  await server.kill();
  await server.run();
  await ann.send(general, "!time");
  await until("another", async () => (await answers()) === 2);
  example.child.kill("SIGKILL");
  await example.exit;
  await ann.send(general, "!time");
  const next = new Example("bot.ts");
  await until("what was asked while it was away", async () => (await answers()) === 3);
  await ann.send(general, "!time");
  await until("the newest", async () => (await answers()) === 4);
  const answered = (await ann.history(general)).filter((one) => one.text.startsWith("It is 20")).map((one) => one.text);
  assert.equal(new Set(answered).size, 4);
  await next.stop();
});

test("examples/bot.ts says what is wrong and ends where it is refused", async () => {
  const elsewhere = await stranger(404);
  const example = new Example("bot.ts", [], { CHAT_URL: elsewhere.url });
  assert.notEqual(await example.exit, 0);
  assert.match(example.out, /HTTP 404, not from a Parley server/);
  elsewhere.end();
});

test("the cursor store has the place after an event when its listener is done, so a killed one is given the event again; the same nonce makes one message", async () => {
  const room = await ann.makeRoom("Places");
  await ann.ask("POST", `/rooms/${room}/members`, { user: await bot.id() });
  const path = join(folder, "place.txt");
  const first = open({ url: server.url, cursorStore: fileCursor(path) });
  const seen: string[] = [];
  first.client.on("message.created", async ({ data: { message } }) => {
    if (message.author.name !== "ann") return;
    seen.push(message.text);
    await first.client.send(room, `to ${message.text}`, `answer-${message.id}`);
    if (message.text === "two") await new Promise(() => undefined); /* it hangs here, and is killed */
  });
  await first.client.ready;
  await ann.send(room, "one");
  await ann.send(room, "two");
  await until("both answers", async () => (await ann.history(room)).length === 4);
  await until("the place after the first", async () => (await readFile(path, "utf8")) !== "" && seen.length === 2);
  first.client.close();
  const again: string[] = [];
  const second = open({ url: server.url, cursorStore: fileCursor(path) });
  second.client.on("message.created", async ({ data: { message } }) => {
    if (message.author.name !== "ann") return;
    again.push(message.text);
    await second.client.send(room, `to ${message.text}`, `answer-${message.id}`);
    if (message.text === "end") second.client.close();
  });
  await ann.send(room, "end");
  await until("the end", () => again.includes("end"));
  await until("its answer", async () => (await ann.history(room)).length === 6);
  assert.deepEqual(again.slice(-2), ["two", "end"]);
  assert.deepEqual((await ann.history(room)).map((one) => one.text).toSorted(), ["end", "one", "to end", "to one", "to two", "two"]);
  second.client.close();
});

test("examples/listen.ts prints events, and goes on where it stopped, over either way", async () => {
  for (const way of ["auto", "stream"]) {
    const env = { WAY: way, CURSOR_FILE: `cursor-${way}.txt` };
    const first = new Example("listen.ts", [], env);
    await first.saw("from now on");
    await ann.send(general, `heard ${way}`);
    await first.saw(`heard ${way}`);
    await first.stop();
    await ann.send(general, `missed ${way}`);
    const second = new Example("listen.ts", [], env);
    await second.saw("resumed");
    await second.saw(`missed ${way}`);
    assert.equal(second.out.includes(`heard ${way}`), false);
    await second.stop();
  }
});

test("examples/post.ts sends one message, and the same job again makes no second one", async () => {
  const job = { NONCE: "job-1" };
  const first = new Example("post.ts", ["general", "from a script"], job);
  assert.equal(await first.exit, 0, first.out);
  assert.match(first.out, /^stored as \d+/);
  const again = new Example("post.ts", ["general", "from a script"], job);
  assert.equal(await again.exit, 0, again.out);
  assert.match(again.out, /^it stood there before/);
  assert.equal((await ann.history(general)).filter((one) => one.text === "from a script").length, 1);
});

test("examples/poll.ts gets a list once and then that it is the same", async () => {
  const example = new Example("poll.ts", [], { POLLS: "3", EVERY_MS: "10" });
  assert.equal(await example.exit, 0, example.out);
  assert.match(example.out, /^online: \d+\nthe same\nthe same\n$/);
});
