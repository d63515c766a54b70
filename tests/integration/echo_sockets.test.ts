/* Engine.IO 4 and Socket.IO 5 of the conformance server, packet by packet, with the times of the protocols' own suites. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, test } from "node:test";
import { WebSocket } from "ws";
import { Echo, echoMemoryFactor } from "./echo.ts";
import { until } from "./harness.ts";
import { Line } from "./raw.ts";

const interval_ms = 300;
const timeout_ms = 200;
const connect_ms = 1000;

let echo: Echo;
before(async () => {
  echo = await Echo.start(["--ping-interval", String(interval_ms), "--ping-timeout", String(timeout_ms), "--connect-timeout", String(connect_ms)]);
});
after(async () => {
  assert.equal(await echo.stop(), 0);
});

interface Answer {
  status: number;
  text: string;
}

async function ask(query: string, method = "GET", body?: string, path = "/engine.io/"): Promise<Answer> {
  const response = await fetch(`${echo.url}${path}?${query}`, body === undefined ? { method } : { method, body });
  return { status: response.status, text: await response.text() };
}

async function openPolling(): Promise<string> {
  const { text } = await ask("EIO=4&transport=polling");
  const { sid } = JSON.parse(text.slice(1)) as { sid: string };
  return `EIO=4&transport=polling&sid=${sid}`;
}

/** A poll that the server has read: who connects after it is answered after it was read. */
async function pendingPoll(session: string): Promise<Line> {
  const line = await Line.open(echo.url);
  line.write(`GET /engine.io/?${session} HTTP/1.1\r\nHost: x\r\n\r\n`);
  await fetch(`${echo.url}/file`, { method: "HEAD", headers: { connection: "close" } });
  return line;
}

/** A WebSocket that keeps what comes; pings are answered unless told not to. */
class Peer {
  readonly socket: WebSocket;
  readonly packets: (string | Buffer)[] = [];
  pings = 0;
  code: number | undefined;

  constructor(query: string, path = "/engine.io/", answersPings = true, at = echo) {
    this.socket = new WebSocket(`${at.url.replace("http", "ws")}${path}?${query}`);
    this.socket.on("error", () => undefined);
    this.socket.on("close", (code) => (this.code = code));
    this.socket.on("message", (data: Buffer, isBinary) => {
      const packet = isBinary ? data : data.toString();
      if (packet !== "2") {
        this.packets.push(packet);
        return;
      }
      this.pings++;
      if (answersPings) this.socket.send("3");
    });
  }

  next(): Promise<string | Buffer> {
    return until("a packet", () => this.packets.shift());
  }

  closed(): Promise<number> {
    return until("the end of the WebSocket", () => this.code);
  }
}

async function openSocket(): Promise<Peer> {
  const peer = new Peer("EIO=4&transport=websocket");
  assert.match(String(await peer.next()), /^0\{/);
  return peer;
}

/* ---- Engine.IO ---- */

test("a handshake tells the times and limits, by polling with the way up, by WebSocket without", async () => {
  const { status, text } = await ask("EIO=4&transport=polling");
  const peer = new Peer("EIO=4&transport=websocket");
  const byPolling = JSON.parse(text.slice(1)) as Record<string, unknown>;
  const bySocket = JSON.parse(String(await peer.next()).slice(1)) as Record<string, unknown>;
  assert.equal(status, 200);
  assert.equal(typeof byPolling["sid"], "string");
  for (const [handshake, upgrades] of [[byPolling, ["websocket"]], [bySocket, []]] as const) {
    assert.deepEqual(handshake, { sid: handshake["sid"], upgrades, pingInterval: interval_ms, pingTimeout: timeout_ms, maxPayload: 1_000_000 });
  }
  peer.socket.close();
});

test("a handshake that is wrong is refused with its code", async () => {
  const refused: [string, string, number][] = [
    ["transport=polling", "GET", 5],
    ["EIO=abc&transport=polling", "GET", 5],
    ["EIO=3&transport=polling", "GET", 5],
    ["EIO=4", "GET", 0],
    ["EIO=4&transport=abc", "GET", 0],
    ["EIO=4&transport=polling&sid=none", "GET", 1],
    ["EIO=4&transport=polling", "POST", 2],
    ["EIO=4&transport=polling", "PUT", 2],
  ];
  for (const [query, method, code] of refused) {
    const { status, text } = await ask(query, method);
    assert.equal(status, 400, `${method} ${query}`);
    assert.equal((JSON.parse(text) as { code: number }).code, code, `${method} ${query}`);
  }
  for (const query of ["transport=websocket", "EIO=abc&transport=websocket", "EIO=4", "EIO=4&transport=abc"]) {
    const peer = new Peer(query);
    await peer.closed();
    assert.deepEqual(peer.packets, []);
  }
});

test("packets of a payload come back, text and binary", async () => {
  const session = await openPolling();
  for (const payload of ["4hello", "4one\x1e4two\x1e4three", "4text\x1ebAQIDBA==", "4ünï 😀"]) {
    assert.deepEqual(await ask(session, "POST", payload), { status: 200, text: "ok" });
    assert.deepEqual(await ask(session), { status: 200, text: payload });
  }
});

test("a WebSocket's packets come back, text and binary, and a wrong one ends it", async () => {
  const peer = await openSocket();
  peer.socket.send("4hello");
  peer.socket.send(Buffer.from([1, 2, 3, 4]));
  assert.equal(await peer.next(), "4hello");
  assert.deepEqual(await peer.next(), Buffer.from([1, 2, 3, 4]));
  peer.socket.send("abc");
  await peer.closed();
});

test("what is no packet, a second poll and a poll that is given up end a session", async () => {
  const wrong = await openPolling();
  assert.equal((await ask(wrong, "POST", "abc")).status, 400);
  assert.equal((await ask(wrong)).status, 400);

  const twice = await openPolling();
  const first = ask(twice);
  const second = await until("the second poll to be refused", async () => {
    const { status } = await ask(twice, "GET");
    return status === 400 || undefined;
  });
  assert.equal(second, true);
  assert.deepEqual(await first, { status: 200, text: "1" });

  const given = await openPolling();
  (await pendingPoll(given)).close();
  await until("the session to end", async () => (await ask(given, "POST", "4x")).status === 400);
});

test("pings go on while they are answered, by both ways", async () => {
  const session = await openPolling();
  const peer = await openSocket();
  for (let i = 0; i < 3; i++) {
    assert.deepEqual(await ask(session), { status: 200, text: "2" });
    assert.equal((await ask(session, "POST", "3")).status, 200);
  }
  await until("three pings", () => peer.pings >= 3);
  assert.equal(peer.code, undefined);
  peer.socket.close();
});

test("a ping that goes out late, as the server stood still, may be answered as long as any", async () => {
  const peer = new Peer("EIO=4&transport=websocket", "/engine.io/", false);
  await peer.next();
  const slowly = timeout_ms * 0.6;
  peer.socket.on("message", (data: Buffer) => data.toString() === "2" && setTimeout(() => peer.socket.send("3"), slowly));
  await echo.stall(interval_ms + timeout_ms);
  await until("two pings", () => peer.pings >= 2 || peer.code);
  assert.equal(peer.code, undefined);
  peer.socket.close();
});

test("who answers no ping is gone", async () => {
  const session = await openPolling();
  const peer = new Peer("EIO=4&transport=websocket", "/engine.io/", false);
  await peer.closed();
  await until("the session to end", async () => (await ask(session, "POST", "4x")).status === 400);
});

test("a client closes its session, by both ways", async () => {
  const session = await openPolling();
  const poll = await pendingPoll(session);
  assert.equal((await ask(session, "POST", "1")).status, 200);
  assert.match(await until("the poll's answer", () => /^HTTP\/1\.1 200 [^]*\r\n\r\n(.+)$/.exec(poll.text)?.[1]), /^6$/);
  poll.close();
  assert.equal((await ask(session)).status, 400);
  const peer = await openSocket();
  peer.socket.send("1");
  await peer.closed();
});

test("polling goes up to a WebSocket, and is refused from then on", async () => {
  const session = await openPolling();
  const peer = new Peer(session.replace("polling", "websocket"));
  await once(peer.socket, "open");
  peer.socket.send("2probe");
  assert.equal(await peer.next(), "3probe");
  assert.deepEqual(await ask(session), { status: 200, text: "6" });
  peer.socket.send("5");
  peer.socket.send("4hello");
  assert.equal(await peer.next(), "4hello");
  assert.equal((await ask(session)).status, 400);
  const other = new Peer(session.replace("polling", "websocket"));
  await other.closed();
  peer.socket.send("4still there");
  assert.equal(await peer.next(), "4still there");
  peer.socket.close();
});

test("what a client sends by polling behind the upgrade packet finds the session gone up", async () => {
  const session = await openPolling();
  const peer = new Peer(session.replace("polling", "websocket"));
  await once(peer.socket, "open");
  assert.equal(peer.socket.extensions, "", "a client that compresses sends later than it says");
  peer.socket.send("2probe");
  peer.socket.send("5");
  assert.equal((await ask(session)).status, 400);
  peer.socket.send("4hello");
  assert.deepEqual([await peer.next(), await peer.next()], ["3probe", "4hello"]);
  peer.socket.close();
});

test("a payload may be as long as was told and no longer, by both ways", async () => {
  const longest = `4${"x".repeat(999_999)}`;
  const session = await openPolling();
  assert.equal((await ask(session, "POST", longest)).status, 200);
  assert.equal((await ask(session)).text, longest);
  assert.equal((await ask(session, "POST", `${longest}x`)).status, 413);
  const peer = await openSocket();
  peer.socket.send(longest);
  assert.equal(await peer.next(), longest);
  peer.socket.send(`${longest}x`);
  assert.equal(await peer.closed(), 1009);
});

/* ---- Socket.IO ---- */

async function openSocketIo(at = echo): Promise<Peer> {
  const peer = new Peer("EIO=4&transport=websocket", "/socket.io/", true, at);
  await peer.next();
  return peer;
}

/** Joined a namespace; its `auth` event has come. */
async function join(peer: Peer, nsp: string, auth: string): Promise<string> {
  const head = nsp === "/" ? "" : `${nsp},`;
  peer.socket.send(`40${head}${auth}`);
  const accepted = String(await peer.next());
  assert.ok(accepted.startsWith(`40${head}{`), accepted);
  const { sid } = JSON.parse(accepted.slice(2 + head.length)) as { sid: unknown };
  assert.equal(typeof sid, "string");
  return String(await peer.next()).slice(2 + head.length);
}

test("a namespace is joined with a payload or without; an unknown one is refused", async () => {
  const peer = await openSocketIo();
  assert.equal(await join(peer, "/", ""), '["auth",{}]');
  assert.equal(await join(peer, "/custom", '{"token":"abc"}'), '["auth",{"token":"abc"}]');
  peer.socket.send("40/random");
  assert.equal(await peer.next(), '44/random,{"message":"Invalid namespace"}');
  peer.socket.close();
});

test("events come back with their arguments, and acknowledgements too, binary ones among them", async () => {
  const peer = await openSocketIo();
  await join(peer, "/", "");
  const placeholders = '{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}';
  const pieces = [Buffer.from([1, 2, 3]), Buffer.from([4, 5, 6])];
  peer.socket.send('42["message",1,"2",{"3":[true]}]');
  assert.equal(await peer.next(), '42["message-back",1,"2",{"3":[true]}]');
  peer.socket.send('42456["message-with-ack",1,"2",{"3":[false]}]');
  assert.equal(await peer.next(), '43456[1,"2",{"3":[false]}]');
  for (const [sent, wanted] of [[`452-["message",${placeholders}]`, `452-["message-back",${placeholders}]`], [`452-789["message-with-ack",${placeholders}]`, `462-789[${placeholders}]`]] as const) {
    for (const one of [sent, ...pieces]) peer.socket.send(one);
    assert.deepEqual([await peer.next(), await peer.next(), await peer.next()], [wanted, ...pieces]);
  }
  peer.socket.close();
});

/* Read, a text of empty arrays takes forty times its bytes. */
test("an event that waits for its attachments costs no more than it weighs", async (t) => {
  const placeholder = '{"_placeholder":true,"num":0}';
  const arrays = ",[]".repeat(300_000);
  const patient = await Echo.start();
  t.after(() => patient.stop());
  const waiting = await Promise.all(Array.from({ length: 20 }, () => openSocketIo(patient)));
  for (const peer of waiting) await join(peer, "/", "");
  const before = await patient.residentBytes();
  for (const peer of waiting) {
    peer.socket.send(`451-["message",${placeholder}${arrays}]`);
    peer.socket.ping(); // answered behind it
    await once(peer.socket, "pong");
  }
  const grown = (await patient.residentBytes()) - before;
  assert.ok(grown < 20 * 4 * arrays.length * echoMemoryFactor, `${String(grown)} bytes for ${String(20 * arrays.length)}`);
  for (const peer of waiting) {
    peer.socket.send(Buffer.from([7]));
    assert.equal(await peer.next(), `451-["message-back",${placeholder}${arrays}]`);
    assert.deepEqual(await peer.next(), Buffer.from([7]));
    peer.socket.close();
  }
});

test("leaving one namespace leaves the other", async () => {
  const peer = await openSocketIo();
  await join(peer, "/", "");
  await join(peer, "/custom", "");
  peer.socket.send("41/custom,");
  peer.socket.send('42["message","to the main one"]');
  assert.equal(await peer.next(), '42["message-back","to the main one"]');
  peer.socket.close();
});

test("who speaks wrongly, for a namespace not joined, or joins none in time is closed", async () => {
  for (const wrong of ["4abc", '42["message","not joined"]', "40{broken"]) {
    const peer = await openSocketIo();
    peer.socket.send(wrong);
    await peer.closed();
  }
  const joined = await openSocketIo();
  await join(joined, "/", "");
  joined.socket.send('420["message-with-ack"'); // not closed
  await joined.closed();
  const silent = await openSocketIo();
  await silent.closed();
  assert.ok(silent.pings >= 2, "it was closed for joining nothing, not for its pings");
});
