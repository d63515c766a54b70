/* Peers that are slow, silent, greedy or gone: each is bounded, and another person is served meanwhile. */
import assert from "node:assert/strict";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { get } from "node:http";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { deflateRawSync, constants } from "node:zlib";
import { Echo } from "./echo.ts";
import { binary, Server, until, type Client, type Person } from "./harness.ts";
import { Caller } from "./socketio.ts";
import { frame, freePort, Line, opcodes, RawSocket } from "./raw.ts";

const mebibyte = 1024 * 1024;
/* A sanitizer keeps what was freed and puts red zones round what was not: there the bounds only catch what has none. */
const sanitized = /build-[at]san/.test(binary);
const memoryFactor = sanitized ? 12 : 1;
const silence_ms = 60_000;

async function residentBytes(server: Server): Promise<number> {
  const status = await readFile(`/proc/${String(server.pid)}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
}

/** Runs `work`, and asserts that memory has grown by less than so many bytes at its end. */
async function grows(server: Server, limit_bytes: number, work: () => Promise<void>): Promise<void> {
  const before = await residentBytes(server);
  await work();
  const grown = (await residentBytes(server)) - before;
  assert.ok(grown < limit_bytes * memoryFactor, `memory grew by ${(grown / mebibyte).toFixed(1)} MiB`);
}

class Scene {
  readonly server: Server;
  readonly ann: Person;
  readonly room: string;
  readonly address: { host: string; port: number };

  private constructor(server: Server, ann: Person, room: string) {
    this.server = server;
    this.ann = ann;
    this.room = room;
    const { hostname, port } = new URL(server.url);
    this.address = { host: hostname, port: Number(port) };
  }

  static async open(options: string[] = []): Promise<Scene> {
    const server = await Server.start(options);
    const ann = await server.person("ann", "owner");
    return new Scene(server, ann, await ann.room("general"));
  }

  /** The person is served: messages are stored and read. */
  async serves(): Promise<void> {
    for (let i = 0; i < 3; i++) assert.equal((await this.ann.send(this.room, `served ${String(i)}`)).status, 201);
    assert.equal((await this.ann.ask("GET", `/rooms/${this.room}/messages?limit=1`)).status, 200);
  }

  async metric(name: string): Promise<number> {
    const response = await fetch(`${this.server.url}/metrics`, { headers: { authorization: `Bearer ${this.ann.token}` } });
    return Number(new RegExp(`^${name} (\\d+)$`, "m").exec(await response.text())?.[1]);
  }

  /** So many raw connections, all open. */
  connections(count: number): Promise<Socket[]> {
    return Promise.all(
      Array.from(
        { length: count },
        () =>
          new Promise<Socket>((resolve, reject) => {
            const socket = connect({ ...this.address, allowHalfOpen: true }, () => resolve(socket));
            socket.on("error", reject);
          }),
      ),
    );
  }

  end(): Promise<void> {
    return this.server.end();
  }
}

/** Writes one byte of `bytes` after the other, with pauses, until the peer ends it; then true. */
function drip(socket: Socket, bytes: Buffer, pause_ms: number): Promise<boolean> {
  return new Promise((resolve) => {
    let at = 0;
    const timer = setInterval(() => socket.write(bytes.subarray(at, ++at)), pause_ms);
    socket.resume();
    for (const end of ["end", "close", "error"])
      socket.on(end, () => {
        clearInterval(timer);
        socket.destroy();
        resolve(true);
      });
  });
}

/** Writes until the peer takes no more: what it took stands still while more waits. */
async function pushUntilStuck(socket: Socket, piece: Buffer): Promise<void> {
  const still_ms = 500;
  let [taken, since] = [-1, Date.now()];
  await until("the server to read no more", () => {
    if (socket.destroyed) return true;
    if (socket.writableLength < piece.length) socket.write(piece);
    const now = socket.bytesWritten - socket.writableLength;
    if (now !== taken) [taken, since] = [now, Date.now()];
    return socket.writableLength > 0 && Date.now() - since > still_ms;
  });
}

describe("a person is served while", { concurrency: true }, () => {
  let scene: Scene;
  before(async () => {
    scene = await Scene.open(["--net.header_timeout_ms=1000", "--net.body_timeout_ms=1000", "--net.close_timeout_ms=500"]);
  });
  after(() => scene.end());

  test("200 send their headers a byte at a time: each is cut in its time", async () => {
    const head = Buffer.from(`GET /healthz HTTP/1.1\r\nHost: ${new URL(scene.server.url).host}\r\nX: ${"x".repeat(10_000)}`);
    const ends = (await scene.connections(200)).map((socket) => drip(socket, head, 100));
    await scene.serves();
    assert.ok((await Promise.all(ends)).every(Boolean));
    await scene.serves();
  });

  test("50 send their bodies a byte at a time: each is cut in its time", async () => {
    const head = `POST /api/v1/session HTTP/1.1\r\nHost: ${new URL(scene.server.url).host}\r\nContent-Length: 10000\r\n\r\n`;
    const sockets = await scene.connections(50);
    for (const socket of sockets) socket.write(head);
    const ends = sockets.map((socket) => drip(socket, Buffer.alloc(10_000, "x"), 100));
    await scene.serves();
    assert.ok((await Promise.all(ends)).every(Boolean));
  });

  test("a WebSocket's frame does not end, a byte at a time: no sign of life, it is closed as silent", async () => {
    const raw = await RawSocket.open(scene.server, scene.ann.token);
    raw.send(frame(opcodes.text, Buffer.alloc(60_000)).subarray(0, 100));
    const dripping = setInterval(() => raw.line.write("x"), 500);
    await scene.serves();
    await until("the silent one to be closed", () => raw.line.ended, silence_ms);
    clearInterval(dripping);
    raw.line.close();
  });

  test("a peer floods with pings: one that reads gets every pong, one that does not costs little", async () => {
    const count = 50_000;
    const pings = Buffer.concat(Array.from({ length: count }, () => frame(opcodes.ping)));
    const reader = await RawSocket.open(scene.server, scene.ann.token);
    const from = reader.line.bytes.length;
    reader.send(pings);
    const deaf = await RawSocket.open(scene.server, scene.ann.token);
    deaf.line.socket.pause();
    await pushUntilStuck(deaf.line.socket, pings);
    await scene.serves();
    await until("every pong", () => reader.line.bytes.length - from >= count * 2);
    reader.line.close();
    deaf.line.close();
  });

  test("peers shut their half and stay: nobody's connection stays with them", async () => {
    const host = new URL(scene.server.url).host;
    const openings = ["", "GET /heal", `GET /healthz HTTP/1.1\r\nHost: ${host}\r\n\r\n`, `GET /api/v1/events HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${scene.ann.token}\r\n\r\n`];
    const sockets = await scene.connections(openings.length * 10);
    const ends = sockets.map((socket, at) => {
      socket.resume();
      socket.end(openings[at % openings.length] ?? "");
      return until("the server to end its half too", () => socket.readableEnded || socket.destroyed);
    });
    await scene.serves();
    await Promise.all(ends);
    for (const socket of sockets) socket.destroy();
  });
});

test("10,000 connections come and go: none stays, memory neither", async () => {
  const scene = await Scene.open();
  const batch = 250;
  const wave = async (): Promise<void> => {
    const sockets = await scene.connections(batch);
    sockets.forEach((socket, at) => {
      if (at % 3 === 1) socket.write("GET /api/v1/me HTT");
      if (at % 3 === 2) socket.resetAndDestroy();
      else socket.destroy();
    });
  };
  await wave();
  await grows(scene.server, 16 * mebibyte, async () => {
    for (let come = batch; come < 10_000; come += batch) {
      await wave();
      if (come % 2500 === 0) await scene.serves();
    }
    await until("all to be gone", async () => (await scene.metric("parley_connections")) < 10);
  });
  await scene.serves();
  await scene.end();
});

async function withFewDescriptors(folder: string, count: number): Promise<string> {
  const few = join(folder, "few.sh");
  await writeFile(few, `#!/bin/sh\nexec prlimit --nofile=${String(count)}:${String(count)} -- "${binary}" "$@"\n`);
  await chmod(few, 0o755);
  return few;
}

test("without descriptors accepting pauses, who is connected is served, and it goes on afterwards", async () => {
  const folder = await mkdtemp(join(tmpdir(), "parley-few-"));
  const scene = await Scene.open(["--net.max_connections_per_address=1000"]);
  await scene.server.stop();
  scene.server.binary = await withFewDescriptors(folder, 100);
  await scene.server.run();
  const client: Client = await scene.ann.connect();
  await client.start();
  const many = (await Promise.allSettled(Array.from({ length: 300 }, () => scene.connections(1)))).flatMap((one) => (one.status === "fulfilled" ? one.value : []));
  assert.ok(many.length > 100, "the kernel's queue takes those that are not accepted");
  for (let i = 0; i < 5; i++) {
    const reply = await client.send(scene.room, "sent without a free descriptor");
    assert.ok("result" in reply, JSON.stringify(reply));
  }
  for (const socket of many) socket.destroy();
  await scene.serves();
  assert.ok((await scene.metric("parley_accept_pauses_total")) > 0, "it was out of descriptors");
  client.close();
  await scene.end();
  await rm(folder, { recursive: true, force: true });
});

/* ---- one stranger, and all others ---- */

const stranger = "127.0.0.5";

/** Connections of the stranger; each says `bytes` and never more, and comes again when it is closed, until stop(). */
function occupy(scene: Scene, count: number, bytes = ""): { open: () => number; closes: () => number; stop: () => void } {
  const sockets = new Set<Socket>();
  let [closes, isStopped] = [0, false];
  const come = () => {
    if (isStopped) return;
    const socket = connect({ ...scene.address, localAddress: stranger }, () => socket.write(bytes));
    sockets.add(socket);
    socket.on("error", () => undefined).resume();
    socket.on("close", () => {
      sockets.delete(socket);
      closes++;
      setTimeout(come, 20);
    });
  };
  for (let i = 0; i < count; i++) come();
  return {
    open: () => sockets.size,
    closes: () => closes,
    stop: () => {
      isStopped = true;
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** A connection of its own, from another address, is answered within the time. */
function isServed(scene: Scene, limit_ms = 2000): Promise<boolean> {
  return new Promise((resolve) => {
    const request = get({ ...scene.address, path: "/healthz", agent: false, localAddress: "127.0.0.6", timeout: limit_ms, headers: { host: new URL(scene.server.url).host } }, (answer) => {
      answer.resume();
      resolve(answer.statusCode === 200);
    });
    request.on("timeout", () => request.destroy(new Error("not answered")));
    request.on("error", () => resolve(false));
  });
}

const lines = (scene: Scene, words: string) => scene.server.log.split("\n").filter((line) => line.includes(words));
const question = (scene: Scene) => `GET /healthz HTTP/1.1\r\nHost: ${new URL(scene.server.url).host}\r\n\r\n`;
const upgrade = (scene: Scene) =>
  `GET /api/v1/ws HTTP/1.1\r\nHost: ${new URL(scene.server.url).host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`;

for (const [what, bytes] of [
  ["silent connections", () => ""],
  ["keep-alive connections", question],
  ["anonymous WebSockets", upgrade],
] as const)
  test(`one address has a share of the connections: with ${what} it keeps nobody out`, async () => {
    const scene = await Scene.open(["--loops=1", "--limits.rate=on", "--net.max_connections=50"]);
    const others = occupy(scene, 100, bytes(scene));
    await until("some to be refused", () => others.closes() > 100);
    for (let i = 0; i < 5; i++) assert.ok(await isServed(scene), "another address is served at once");
    assert.equal((await scene.server.cli("user", "list")).code, 0);
    assert.equal(lines(scene, "connections refused").length, 1, scene.server.log);
    assert.match(lines(scene, "connections refused")[0] ?? "", /address="?127\.0\.0\.5"? /);
    assert.ok((await scene.metric("parley_connections_refused_total")) > 50);
    others.stop();
    await scene.end();
  });

test("who signed in does not count among the address's connections", async () => {
  const scene = await Scene.open(["--loops=1", "--limits.rate=on", "--net.max_connections_per_address=5"]);
  const clients: Client[] = [];
  for (let i = 0; i < 20; i++) {
    const client = await scene.ann.connect();
    await client.start();
    clients.push(client);
  }
  await scene.serves();
  for (const client of clients) client.close();
  const callers: Caller[] = [];
  for (const transports of [["websocket"], ["polling", "websocket"], ["polling"]])
    for (let i = 0; i < 10; i++) callers.push(await Caller.joined(scene.server, { transports, auth: { token: scene.ann.token } }));
  await scene.serves();
  for (const caller of callers) caller.close();
  await scene.end();
});

test("when all connections are taken, those that are idle make room", async () => {
  const scene = await Scene.open(["--loops=1", "--net.max_connections=50", "--net.max_connections_per_address=1000"]);
  const others = occupy(scene, 100, question(scene));
  await until("the first to be closed for others", () => others.closes() > 50);
  for (let i = 0; i < 5; i++) assert.ok(await isServed(scene), "served as soon as an idle one made room");
  assert.ok((await scene.metric("parley_connections_evicted_total")) > 50);
  assert.equal(lines(scene, "newcomers wait").length, 1, scene.server.log);
  others.stop();
  await scene.end();
});

test("whose next request is on its way is not closed for others", async () => {
  const places = 51; // of one loop: net.max_connections and one more
  const scene = await Scene.open(["--loops=1", `--net.max_connections=${String(places - 1)}`, "--net.max_connections_per_address=1000"]);
  const asker = await Line.open(scene.server.url);
  asker.write(question(scene));
  await until("its answer, so that it is idle for longest", () => asker.statuses.length === 1);
  const others = await scene.connections(places - (await scene.metric("parley_connections")));
  let answers = 0;
  for (const socket of others) socket.on("data", () => answers++).write(question(scene));
  await until("all others to be idle", () => answers === others.length);

  scene.server.pause(); // it will find the newcomer and the question at once, in this order
  const newcomer = await Line.open(scene.server.url);
  newcomer.write(question(scene));
  asker.write(question(scene));
  await until("both to have left", () => newcomer.socket.writableLength + asker.socket.writableLength === 0);
  scene.server.unpause();
  await until("both answers", () => newcomer.statuses.length === 1 && asker.statuses.length === 2);
  assert.ok((await scene.metric("parley_connections_evicted_total")) > 0);
  for (const socket of [newcomer.socket, asker.socket, ...others]) socket.destroy();
  await scene.end();
});

test("without descriptors for more connections the operator's commands work, and the log says why others wait", async () => {
  const folder = await mkdtemp(join(tmpdir(), "parley-few-"));
  const scene = await Scene.open(["--loops=1", "--net.max_connections_per_address=1000"]);
  await scene.server.person("ben");
  await scene.server.stop();
  scene.server.binary = await withFewDescriptors(folder, 64);
  await scene.server.run();
  const others = occupy(scene, 200);
  await until("accepting to pause", () => lines(scene, "newcomers wait").length > 0);
  for (let i = 0; i < 3; i++) assert.equal((await scene.server.cli("user", "list")).code, 0);
  assert.equal((await scene.server.cli("user", "disable", "ben")).code, 0);
  others.stop();
  await until("a newcomer to be served", () => isServed(scene));
  await scene.end();
  await rm(folder, { recursive: true, force: true });
});

test("a further address takes few of the descriptors", async () => {
  const folder = await mkdtemp(join(tmpdir(), "parley-few-"));
  const metrics = await freePort();
  const scene = await Scene.open(["--loops=2", "--limits.rate=off", `--metrics.listen=127.0.0.1:${String(metrics)}`]);
  await scene.server.stop();
  scene.server.binary = await withFewDescriptors(folder, 500);
  await scene.server.run();
  let answers = 0;
  const sockets = await scene.connections(260); // of some 370, as a loop's share is not always half
  for (const socket of sockets) socket.on("data", () => answers++).write(question(scene));
  await until("all to be answered", () => answers === sockets.length);
  const seen = await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.once("data", resolve).write(question(scene)))));
  assert.equal(seen.length, sockets.length, "none was closed for another");
  assert.equal((await fetch(`http://127.0.0.1:${String(metrics)}/metrics`)).status, 200);
  for (const socket of sockets) socket.destroy();
  await scene.end();
  await rm(folder, { recursive: true, force: true });
});

test("few descriptors never raise what the setting allows", async () => {
  const folder = await mkdtemp(join(tmpdir(), "parley-few-"));
  const metrics = await freePort();
  const scene = await Scene.open(["--loops=1", "--limits.rate=off", "--net.max_connections=50", `--metrics.listen=127.0.0.1:${String(metrics)}`]);
  await scene.server.stop();
  scene.server.binary = await withFewDescriptors(folder, 256);
  await scene.server.run();
  const sockets = await scene.connections(120); // those that find no place wait in the kernel's queue
  await until("accepting to pause", () => lines(scene, "newcomers wait").length > 0);
  const text = await (await fetch(`http://127.0.0.1:${String(metrics)}/metrics`)).text();
  const open = Number(/^parley_connections (\d+)$/m.exec(text)?.[1]);
  assert.ok(open >= 51 && open <= 53, `${String(open)} open, that of the metrics among them`);
  assert.deepEqual(lines(scene, "descriptors"), []);
  for (const socket of sockets) socket.destroy();
  await scene.end();
  await rm(folder, { recursive: true, force: true });
});

describe("memory is bounded by what arrived, when", () => {
  let scene: Scene;
  before(async () => {
    scene = await Scene.open();
  });
  after(() => scene.end());

  test("500 announce large messages and bodies, and send none of it", async () => {
    await grows(scene.server, 12 * mebibyte, async () => {
      const sockets = await scene.connections(250);
      for (const socket of sockets) socket.write(`POST /api/v1/session HTTP/1.1\r\nHost: ${new URL(scene.server.url).host}\r\nContent-Length: 262144\r\n\r\n`);
      const raws = await Promise.all(Array.from({ length: 250 }, () => RawSocket.open(scene.server, scene.ann.token)));
      for (const raw of raws) raw.send(frame(opcodes.text, Buffer.alloc(60_000)).subarray(0, 8));
      await scene.serves();
      for (const socket of sockets) socket.destroy();
      for (const raw of raws) raw.line.close();
    });
  });

  test("100 send most of a message, and 50 most of a body", async () => {
    const message = 60_000;
    const body = 250_000;
    await grows(scene.server, 2 * (100 * message + 50 * body) + 8 * mebibyte, async () => {
      const raws = await Promise.all(Array.from({ length: 100 }, () => RawSocket.open(scene.server, scene.ann.token)));
      for (const raw of raws) raw.send(frame(opcodes.text, Buffer.alloc(message + 100, "x")).subarray(0, message));
      const sockets = await scene.connections(50);
      for (const socket of sockets) socket.write(`POST /api/v1/session HTTP/1.1\r\nHost: ${new URL(scene.server.url).host}\r\nContent-Length: ${String(body + 1)}\r\n\r\n${"x".repeat(body)}`);
      await until("all to be sent", () => [...sockets, ...raws.map((raw) => raw.line.socket)].every((socket) => socket.writableLength === 0));
      await scene.serves();
      for (const socket of sockets) socket.destroy();
      for (const raw of raws) raw.line.close();
    });
  });

  test("a peer asks for much and never reads: its questions are not read either", async () => {
    const question = frame(opcodes.text, JSON.stringify({ id: 1, method: "message.list", params: { room: scene.room, limit: 100 } }));
    for (let i = 0; i < 100; i++) await scene.ann.send(scene.room, "a line of the history ".repeat(4));
    // 256 requests may be in hand, and are answered with 50 kB each; behind them it is not read
    await grows(scene.server, 24 * mebibyte, async () => {
      const deaf = await RawSocket.open(scene.server, scene.ann.token);
      deaf.line.socket.pause();
      await pushUntilStuck(deaf.line.socket, Buffer.concat(Array.from({ length: 1000 }, () => question)));
      await scene.serves();
      deaf.line.close();
    });
  });
});

describe("the conformance server grows by less than 64 MiB with messages of up to 16 MiB, when a peer that never reads", () => {
  const max_message = 16 * mebibyte;
  const key = Buffer.alloc(16).toString("base64");

  async function deaf(echo: Echo): Promise<Line> {
    const line = await Line.open(echo.url);
    line.write(`GET /echo HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Extensions: permessage-deflate\r\nSec-WebSocket-Key: ${key}\r\n\r\n`);
    await until("the handshake", () => line.text.includes("\r\n\r\n"));
    assert.match(line.text, /permessage-deflate/);
    line.socket.pause();
    return line;
  }

  function wideFrame(payload: Buffer, first: number): Buffer {
    const length = Buffer.alloc(9);
    length[0] = 127;
    length.writeBigUInt64BE(BigInt(payload.length), 1);
    return frame(opcodes.binary, payload, { first, length });
  }

  const bomb = wideFrame(deflateRawSync(Buffer.alloc(max_message), { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4), 0xc2);
  const bytes: [string, Buffer][] = [
    ["sends messages of 16 MiB", wideFrame(Buffer.alloc(max_message), 0x82)],
    ["sends many small ones", Buffer.concat(Array.from({ length: 10_000 }, () => frame(opcodes.binary, "small")))],
    ["sends empty ones", Buffer.concat(Array.from({ length: 10_000 }, () => frame(opcodes.binary)))],
    ["pings", Buffer.concat(Array.from({ length: 10_000 }, () => frame(opcodes.ping)))],
    ["sends bombs", Buffer.concat(Array.from({ length: 20 }, () => bomb))],
  ];
  test("posts empty messages by polling", async (t) => {
    const echo = await Echo.start(["--max-message", String(max_message)]);
    t.after(() => echo.stop());
    const before = await echo.residentBytes();
    const handshake = await (await fetch(`${echo.url}/engine.io/?EIO=4&transport=polling`)).text();
    const { sid } = JSON.parse(handshake.slice(1)) as { sid: string };
    const body = Array.from({ length: 100_000 }, () => "4").join("\x1e");
    await until("the session to end", async () => (await fetch(`${echo.url}/engine.io/?EIO=4&transport=polling&sid=${sid}`, { method: "POST", body })).status === 400);
    const grown = (await echo.peakBytes()) - before;
    assert.ok(grown < 64 * mebibyte * memoryFactor, `it grew by ${(grown / mebibyte).toFixed(1)} MiB`);
  });

  for (const [what, piece] of bytes)
    test(what, async (t) => {
      const echo = await Echo.start(["--max-message", String(max_message)]);
      t.after(() => echo.stop());
      const before = await echo.residentBytes();
      const line = await deaf(echo);
      await pushUntilStuck(line.socket, piece);
      const grown = (await echo.peakBytes()) - before;
      assert.ok(grown < 64 * mebibyte * memoryFactor, `it grew by ${(grown / mebibyte).toFixed(1)} MiB`);
      line.close();
    });
});
