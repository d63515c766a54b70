import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Connection, type ConnectionState } from "./connection.ts";
import type { SessionStartResult } from "./generated.ts";
import type { ServerEvent } from "./line.ts";
import type { SocketLike } from "./socket_line.ts";

class FakeSocket extends EventTarget {
  sent: string[] = [];
  closed = false;
  send(data: string) {
    this.sent.push(data);
  }
  close() {
    this.closed = true;
  }
  lose(code = 1006) {
    this.dispatchEvent(Object.assign(new Event("close"), { code, reason: "" }));
  }
}

/** One answer to a request for the stream, written as the test says. */
class FakeStream {
  readonly url: URL;
  readonly headers: Record<string, string>;
  readonly answer = Promise.withResolvers<Response>();
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;

  constructor(url: string, init: RequestInit) {
    this.url = new URL(url);
    this.headers = init.headers as Record<string, string>;
    init.signal?.addEventListener("abort", () => this.answer.reject(new Error("aborted")));
    this.answer.promise.catch(() => undefined);
  }

  async open() {
    this.answer.resolve(new Response(new ReadableStream({ start: (controller) => void (this.#controller = controller) }), { headers: { "content-type": "text/event-stream" } }));
    await tick();
  }
  async say(message: { event: string; cursor?: string; data: object }) {
    this.#controller?.enqueue(new TextEncoder().encode(`${message.cursor ? `id: ${message.cursor}\n` : ""}event: ${message.event}\ndata: ${JSON.stringify(message)}\n\n`));
    await tick();
  }
  async start(cursor: string) {
    await this.open();
    await this.say({ event: "session.started", data: { resumed: true, cursor } });
  }
  async end() {
    this.#controller?.close();
    await tick();
  }
}

const tick = () => vi.advanceTimersByTimeAsync(1);

function world(options: { cursor?: string; sockets?: boolean } = {}) {
  const sockets: FakeSocket[] = [];
  const streams: FakeStream[] = [];
  const asked: { url: string; init: RequestInit }[] = [];
  const states: ConnectionState[] = [];
  const starts: SessionStartResult[] = [];
  const events: ServerEvent[] = [];
  vi.stubGlobal("fetch", (url: string, init: RequestInit) => {
    if (url.includes("/api/v1/events")) {
      const stream = new FakeStream(url, init);
      streams.push(stream);
      return stream.answer.promise;
    }
    asked.push({ url, init });
    return Promise.resolve(new Response(JSON.stringify({ ticket: "pt_one", online: [] })));
  });
  const make = (more: { useTicket?: boolean } = {}) =>
    new Connection({
      openSocket: () => {
        if (options.sockets === false) throw new ReferenceError("WebSocket is not defined");
        const socket = new FakeSocket();
        sockets.push(socket);
        return socket as unknown as SocketLike;
      },
      stream: { baseUrl: "https://chat.example", ...more },
      token: "secret",
      cursor: options.cursor,
      onState: (state) => states.push(state),
      onStart: (result) => starts.push(result),
      onEvent: (event) => events.push(event),
    });
  const stream = () => {
    const last = streams.at(-1);
    if (!last) throw new Error("no stream was opened");
    return last;
  };
  /** Lets two sockets fail, as where they are blocked. */
  const block = async () => {
    for (let i = 0; i < 2; i += 1) {
      sockets.at(-1)?.lose();
      await vi.advanceTimersByTimeAsync(1200);
    }
  };
  return { make, sockets, streams, asked, states, starts, events, stream, block };
}

beforeEach(() => vi.useFakeTimers());
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

it("two sockets that do not open lead to the event stream, which begins at the same cursor", async () => {
  const { make, block, sockets, streams, stream, states, starts, events } = world({ cursor: "c5" });
  const connection = make();
  connection.connect();
  await block();
  expect([sockets.length, streams.length]).toEqual([2, 1]);
  expect(stream().url.searchParams.get("cursor")).toBe("c5");
  expect(stream().url.searchParams.get("ticket")).toBeNull();
  expect(stream().headers["authorization"]).toBe("Bearer secret");
  await stream().start("c5");
  await stream().say({ event: "room.left", cursor: "c6", data: { room: "a" } });
  await stream().say({ event: "heartbeat", cursor: "c9", data: {} });
  expect(connection.way).toBe("stream");
  expect(states.at(-1)).toEqual({ state: "open" });
  expect([starts.length, events.map((event) => event.cursor), connection.cursor]).toEqual([1, ["c6"], "c9"]);
});

it("where there are no sockets at all the event stream is opened at once", async () => {
  const { make, streams, stream, states } = world({ sockets: false });
  make().connect();
  expect(streams).toHaveLength(1);
  expect(stream().url.searchParams.has("cursor")).toBe(false);
  await stream().start("c1");
  expect(states.at(-1)).toEqual({ state: "open" });
});

it("a socket that shows no life within ten seconds is blocked too", async () => {
  const { make, sockets, streams } = world();
  make().connect();
  await vi.advanceTimersByTimeAsync(10_500);
  expect(sockets.map((socket) => socket.closed)).toEqual([true, false]);
  await vi.advanceTimersByTimeAsync(11_500);
  expect(streams).toHaveLength(1);
});

it("a refused upgrade that shows as an error alone, as in Node, counts at once", async () => {
  const { make, sockets, streams } = world();
  make().connect();
  sockets.at(-1)?.dispatchEvent(new Event("error"));
  await vi.advanceTimersByTimeAsync(600);
  sockets.at(-1)?.dispatchEvent(new Event("error"));
  await vi.advanceTimersByTimeAsync(1);
  expect([sockets.length, streams.length]).toEqual([2, 1]);
});

it("operations go by REST while the stream is open, and not before", async () => {
  const { make, stream, asked } = world({ sockets: false });
  const connection = make();
  connection.connect();
  await expect(connection.request("presence.list", {})).rejects.toMatchObject({ code: "closed" });
  await stream().start("c1");
  await connection.request("message.send", { room: "r1", nonce: "n1", text: "hi" });
  expect(asked.map(({ url, init }) => [init.method, url, init.body])).toEqual([["POST", "https://chat.example/api/v1/rooms/r1/messages", '{"nonce":"n1","text":"hi"}']]);
  await expect(connection.request("session.start", {})).rejects.toMatchObject({ code: "unknown_operation" });
});

it("a stream that ends is opened again from the newest cursor; after five minutes sockets get another chance", async () => {
  const { make, block, sockets, streams, stream } = world();
  make().connect();
  await block();
  await stream().start("c1");
  await stream().say({ event: "room.left", cursor: "c2", data: { room: "a" } });
  await stream().end();
  await vi.advanceTimersByTimeAsync(600);
  expect([sockets.length, streams.length]).toEqual([2, 2]);
  expect(stream().url.searchParams.get("cursor")).toBe("c2");
  await stream().start("c2");
  for (let second = 0; second < 310; second += 20) {
    await vi.advanceTimersByTimeAsync(20_000);
    await stream().say({ event: "heartbeat", cursor: "c3", data: {} });
  }
  await stream().end();
  await vi.advanceTimersByTimeAsync(600);
  expect([sockets.length, streams.length]).toEqual([3, 2]);
  sockets.at(-1)?.lose();
  await vi.advanceTimersByTimeAsync(1200);
  expect(streams).toHaveLength(3);
});

it("while the server is down both ways are tried in turn", async () => {
  const { make, sockets, streams, block } = world();
  make().connect();
  await block();
  for (let tries = 0; tries < 4; tries += 1) {
    streams.at(-1)?.answer.reject(new TypeError("refused"));
    await vi.advanceTimersByTimeAsync(31_000);
    sockets.at(-1)?.lose();
    await vi.advanceTimersByTimeAsync(31_000);
  }
  expect(sockets.length).toBeGreaterThan(3);
  expect(streams.length).toBeGreaterThan(3);
});

it("a stream that is refused ends the session; one that is told to wait waits", async () => {
  const { make, stream, states, streams } = world({ sockets: false });
  const connection = make();
  connection.connect();
  stream().answer.resolve(new Response('{"code":"draining"}', { status: 503, headers: { "retry-after": "7" } }));
  await tick();
  expect(states.at(-1)).toMatchObject({ state: "waiting", cause: { code: "draining" } });
  await vi.advanceTimersByTimeAsync(6_900);
  expect(streams).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(200);
  expect(streams).toHaveLength(2);
  stream().answer.resolve(new Response('{"code":"invalid_token"}', { status: 401 }));
  await tick();
  expect(states.at(-1)).toMatchObject({ state: "ended", code: 4500, cause: { code: "invalid_token" } });
});

it("a stream says why it was refused, whoever answered", async () => {
  const answers: [Response, string][] = [
    [new Response('{"code":"unknown_host","message":"not here"}', { status: 421 }), "unknown_host"],
    [new Response("<h1>nothing here</h1>", { status: 404 }), "not_parley"],
    [new Response("<h1>sign in to this network</h1>"), "not_parley"],
    [new Response("<h1>bad gateway</h1>", { status: 502 }), "network"],
  ];
  for (const [answer, code] of answers) {
    const { make, stream, states } = world({ sockets: false });
    const connection = make();
    connection.connect();
    stream().answer.resolve(answer);
    await tick();
    expect(states.at(-1)).toMatchObject({ state: "waiting", cause: { code } });
    connection.close();
  }
});

it("a stream that is cut, or that cannot be opened, says so", async () => {
  const { make, stream, states } = world({ sockets: false });
  make().connect();
  stream().answer.reject(new TypeError("fetch failed"));
  await tick();
  expect(states.at(-1)).toMatchObject({ state: "waiting", cause: { code: "network" } });
  await vi.advanceTimersByTimeAsync(1200);
  await stream().start("c1");
  await stream().end();
  expect(states.at(-1)).toMatchObject({ state: "waiting", cause: { code: "network" } });
});

it("what the server says last on a stream is heeded as a socket's close code is", async () => {
  const { make, stream, states } = world({ sockets: false });
  make().connect();
  await stream().start("c1");
  await stream().say({ event: "session.closed", data: { code: 4000, reason: "retry_after=1234" } });
  expect(states.at(-1)).toMatchObject({ state: "waiting", retryAt: Date.now() + 1233, cause: { code: "closed" } });
  await vi.advanceTimersByTimeAsync(1300);
  await stream().start("c1");
  await stream().say({ event: "session.closed", data: { code: 4500, reason: "signed out" } });
  expect(states.at(-1)).toMatchObject({ state: "ended", code: 4500, cause: { code: "invalid_token" } });
});

it("a ticket stands in for the header, a new one each time", async () => {
  const { make, stream, asked } = world({ sockets: false });
  make({ useTicket: true }).connect();
  await tick();
  expect(asked.map(({ url }) => url)).toEqual(["https://chat.example/api/v1/tickets"]);
  expect(stream().url.searchParams.get("ticket")).toBe("pt_one");
  expect(stream().headers["authorization"]).toBeUndefined();
  await stream().start("c1");
  await stream().end();
  await vi.advanceTimersByTimeAsync(600);
  expect(asked).toHaveLength(2);
});

it("a stream on which nothing comes any more is given up", async () => {
  const { make, stream, streams } = world({ sockets: false });
  make().connect();
  await stream().start("c1");
  await vi.advanceTimersByTimeAsync(41_000);
  expect(streams.length).toBe(2);
});
