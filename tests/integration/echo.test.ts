/* The conformance server answers what public protocol suites ask it. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, test } from "node:test";
import { WebSocket } from "ws";
import { Echo } from "./echo.ts";
import { until } from "./harness.ts";
import { Line } from "./raw.ts";

let echo: Echo;
before(async () => {
  echo = await Echo.start();
});
after(async () => {
  assert.equal(await echo.stop(), 0);
});

const webSocketUrl = (): string => `${echo.url.replace("http", "ws")}/echo`;

async function open(protocols: string[] = []): Promise<WebSocket> {
  const socket = new WebSocket(webSocketUrl(), protocols);
  await once(socket, "open");
  return socket;
}

test("a message comes back as it came, text or binary, empty or large", async () => {
  const socket = await open();
  const large = Buffer.alloc(1_000_000, "0123456789");
  for (const sent of ["", "text", "ünïcode 😀", Buffer.alloc(0), Buffer.from([0, 255, 128]), large]) {
    socket.send(sent);
    const [data, isBinary] = (await once(socket, "message")) as [Buffer, boolean];
    assert.equal(isBinary, Buffer.isBuffer(sent));
    assert.deepEqual(data, Buffer.from(sent));
  }
  socket.close(4321);
  assert.equal((await once(socket, "close"))[0], 4321);
});

test("the subprotocol echo is spoken when it is offered, and no other", async () => {
  const socket = await open(["chat", "echo"]);
  assert.equal(socket.protocol, "echo");
  socket.close();
  const line = await Line.open(echo.url);
  line.write(`GET /echo HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${Buffer.alloc(16).toString("base64")}\r\nSec-WebSocket-Protocol: echoes, Echo\r\n\r\n`);
  await until("the handshake", () => line.text.includes("\r\n\r\n"));
  assert.match(line.text, /^HTTP\/1\.1 101 /);
  assert.doesNotMatch(line.text, /Sec-WebSocket-Protocol/i);
  line.close();
});

test("what is no handshake of version 13 is told so", async () => {
  const ask = (version: string, key: string): Promise<Response> =>
    new Promise((resolve, reject) => {
      Line.open(echo.url)
        .then(async (line) => {
          line.write(`GET /echo HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: ${version}\r\nSec-WebSocket-Key: ${key}\r\n\r\n`);
          await until("an answer", () => line.statuses[0]);
          line.close();
          resolve(new Response(line.text, { status: line.statuses[0] ?? 0 }));
        })
        .catch(reject);
    });
  const key = Buffer.alloc(16).toString("base64");
  const wrongVersion = await ask("8", key);
  assert.equal(wrongVersion.status, 426);
  assert.match(await wrongVersion.text(), /Sec-WebSocket-Version: 13\r\n/);
  assert.equal((await ask("13", "c2hvcnQ=")).status, 400);
  assert.equal((await fetch(`${echo.url}/echo`)).status, 426);
});

test("a body comes back, whatever its framing", async () => {
  const whole = await fetch(`${echo.url}/body`, { method: "POST", body: "hello" });
  assert.equal(await whole.text(), "hello");
  assert.equal(whole.headers.get("x-body-length"), "5");
  assert.equal(whole.headers.get("access-control-allow-origin"), "*");
  const line = await Line.open(echo.url);
  line.write("POST /body HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n");
  await until("the body", () => line.text.includes("hello world"));
  assert.match(line.text, /X-Body-Length: 11\r\n/);
  line.close();
  const empty = await fetch(`${echo.url}/body`, { method: "POST" });
  assert.equal(empty.headers.get("x-body-length"), "0");
  const refused = await fetch(`${echo.url}/body`);
  assert.equal(refused.status, 405);
  assert.equal(refused.headers.get("allow"), "POST, OPTIONS");
});

/** The events of a stream of text. */
function eventsIn(text: string): { id: string; data: string }[] {
  return text
    .split("\n\n")
    .filter((block) => block.startsWith("id: "))
    .map((block) => {
      const lines = block.split("\n");
      return { id: lines[0]?.slice(4) ?? "", data: lines.filter((line) => line.startsWith("data: ")).map((line) => line.slice(6)).join("\n") };
    });
}

async function listen(lastId?: string): Promise<Line> {
  const line = await Line.open(echo.url);
  line.write(`GET /events HTTP/1.1\r\nHost: x\r\n${lastId === undefined ? "" : `Last-Event-ID: ${lastId}\r\n`}\r\n`);
  await until("the stream", () => line.text.includes("retry: "));
  return line;
}

test("what is posted is emitted, and Last-Event-ID resumes", async () => {
  const post = async (body: string): Promise<string> => (await (await fetch(`${echo.url}/events`, { method: "POST", body })).text()).trim();
  const first = await listen();
  const ids = [await post("one"), await post("two\r\nlines\rin all"), await post("")];
  assert.deepEqual(ids.map(Number), [Number(ids[0]), Number(ids[0]) + 1, Number(ids[0]) + 2]);
  const wanted = ["one", "two\nlines\nin all", ""].map((data, at) => ({ id: ids[at] ?? "", data }));
  assert.deepEqual(await until("three events", () => eventsIn(first.text).length === 3 && eventsIn(first.text)), wanted);
  first.close();
  const second = await listen(ids[0]);
  assert.deepEqual(await until("two events", () => eventsIn(second.text).length === 2 && eventsIn(second.text)), wanted.slice(1));
  const last = await post("live");
  await until("the next event", () => eventsIn(second.text).at(-1)?.id === last);
  second.close();
});

test("the file is served whole, in part and on condition", async () => {
  const get = (headers: Record<string, string> = {}, method = "GET"): Promise<Response> => fetch(`${echo.url}/file`, { method, headers });
  const whole = await get();
  const bytes = Buffer.from(await whole.arrayBuffer());
  assert.equal(bytes.length, 1024 * 1024);
  const etag = whole.headers.get("etag") ?? "";
  const modified = whole.headers.get("last-modified") ?? "";
  const head = await get({}, "HEAD");
  assert.equal(head.headers.get("content-length"), String(bytes.length));
  assert.equal(head.headers.get("etag"), etag);
  const part = await get({ range: "bytes=1000-1999" });
  assert.equal(part.status, 206);
  assert.equal(part.headers.get("content-range"), `bytes 1000-1999/${String(bytes.length)}`);
  assert.deepEqual(Buffer.from(await part.arrayBuffer()), bytes.subarray(1000, 2000));
  const wanted: [Record<string, string>, number][] = [
    [{ "if-none-match": etag }, 304],
    [{ "if-modified-since": modified }, 304],
    [{ "if-match": '"other"' }, 412],
    [{ "if-unmodified-since": "Thu, 01 Jan 1970 00:00:00 GMT" }, 412],
    [{ range: "bytes=0-9", "if-range": '"other"' }, 200],
    [{ range: "bytes=0-9", "if-range": etag }, 206],
    [{ range: "bytes=1048576-" }, 416],
  ];
  for (const [headers, status] of wanted) {
    const answer = await get(headers);
    assert.equal(answer.status, status, JSON.stringify(headers));
    await answer.arrayBuffer();
  }
});

test("a word or value that is not understood ends the start with usage", async () => {
  for (const words of [["--no-such", "1"], ["--max-message", "x"], ["--ping-interval"], ["--max-payload", "0"]])
    await assert.rejects(Echo.start(words), /usage: parley-echo/);
});
