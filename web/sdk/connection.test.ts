import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Connection, type ConnectionState } from "./connection.ts";
import { ParleyError } from "./errors.ts";
import type { SessionStartResult } from "./generated.ts";
import type { ServerEvent } from "./line.ts";
import type { SocketLike } from "./socket_line.ts";

class FakeSocket extends EventTarget {
  sent: { id: number; method: string; params: { cursor?: string } }[] = [];
  closed = false;
  send(data: string) {
    this.sent.push(JSON.parse(data) as FakeSocket["sent"][number]);
  }
  close() {
    this.closed = true;
  }
  open() {
    this.dispatchEvent(new Event("open"));
  }
  say(message: object) {
    this.dispatchEvent(new MessageEvent("message", { data: JSON.stringify(message) }));
  }
  lose(code: number, reason = "") {
    this.dispatchEvent(Object.assign(new Event("close"), { code, reason }));
  }
}

const tick = () => vi.advanceTimersByTimeAsync(0);

function world(probe?: () => Promise<ParleyError | undefined>) {
  const sockets: FakeSocket[] = [];
  const states: ConnectionState[] = [];
  const starts: SessionStartResult[] = [];
  const events: ServerEvent[] = [];
  let online = true;
  const connection = new Connection({
    openSocket: () => {
      const socket = new FakeSocket();
      sockets.push(socket);
      return socket as unknown as SocketLike;
    },
    probe,
    isOnline: () => online,
    onState: (state) => states.push(state),
    onStart: (result) => starts.push(result),
    onEvent: (event) => events.push(event),
  });
  const last = () => sockets.at(-1) ?? new FakeSocket();
  const start = async (cursor: string) => {
    last().open();
    await tick();
    last().say({ id: last().sent[0]?.id, result: { resumed: true, missed: 0, cursor } });
    await tick();
  };
  return { connection, sockets, states, starts, events, last, start, setOnline: (value: boolean) => (online = value) };
}

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

it("starts the stream after opening, then is open and hands events on in order", async () => {
  const { connection, last, start, states, events } = world();
  connection.connect();
  await start("c1");
  expect(states.at(-1)).toEqual({ state: "open" });
  last().say({ event: "room.left", cursor: "c2", data: { room: "a" } });
  last().say({ event: "room.left", cursor: "c3", data: { room: "b" } });
  expect(events.map((event) => event.cursor)).toEqual(["c2", "c3"]);
});

it("comes back by itself and resumes from the newest cursor, heartbeats included", async () => {
  const { connection, last, start, sockets } = world();
  connection.connect();
  await start("c1");
  last().say({ event: "room.left", cursor: "c2", data: { room: "a" } });
  last().say({ event: "heartbeat", cursor: "c9", data: {} });
  last().lose(1006);
  await vi.advanceTimersByTimeAsync(1000);
  expect(sockets).toHaveLength(2);
  last().open();
  expect(last().sent[0]).toMatchObject({ method: "session.start", params: { cursor: "c9" } });
});

it("waits longer after each failure, and as long as the server asks", async () => {
  const { connection, last, states } = world();
  connection.connect();
  const waits: number[] = [];
  for (let tries = 0; tries < 5; tries += 1) {
    last().lose(1006);
    const state = states.at(-1);
    if (state?.state === "waiting") waits.push(state.retryAt - Date.now());
    await vi.advanceTimersByTimeAsync(31_000);
  }
  expect(waits).toHaveLength(5);
  expect(waits[4]).toBeGreaterThan((waits[0] ?? 0) * 4);
  last().lose(4000, "retry_after=1234");
  expect(states.at(-1)).toMatchObject({ state: "waiting", retryAt: Date.now() + 1234, cause: { code: "closed" } });
});

it("does not come back when the session was ended", async () => {
  const { connection, last, start, states, sockets } = world();
  connection.connect();
  await start("c1");
  last().lose(4500);
  await vi.advanceTimersByTimeAsync(120_000);
  expect(states.at(-1)).toMatchObject({ state: "ended", code: 4500, cause: { code: "invalid_token" } });
  expect(sockets).toHaveLength(1);
});

it("a socket that does not open has its cause asked by HTTP; one that was open has not", async () => {
  const probe = vi.fn(async () => new ParleyError("unknown_host", "not here"));
  const { connection, last, start, states, sockets } = world(probe);
  connection.connect();
  last().dispatchEvent(new Event("error"));
  expect(states.at(-1)).toMatchObject({ state: "waiting", cause: { code: "network" } });
  await tick();
  expect(states.at(-1)).toMatchObject({ state: "waiting", cause: { code: "unknown_host" } });
  await vi.advanceTimersByTimeAsync(1000);
  expect(sockets).toHaveLength(2);
  await start("c1");
  last().lose(1006);
  await tick();
  expect(states.at(-1)).toMatchObject({ state: "waiting", cause: { code: "closed" } });
  expect(probe).toHaveBeenCalledTimes(1);
});

it("a silent line is given up and tried anew", async () => {
  const { connection, start, sockets } = world();
  connection.connect();
  await start("c1");
  await vi.advanceTimersByTimeAsync(60_000);
  expect(sockets.length).toBeGreaterThan(1);
  expect(sockets[0]?.closed).toBe(true);
});

it("a request that was away when the line broke says so, and one while it is down too", async () => {
  const { connection, last, start } = world();
  connection.connect();
  await start("c1");
  const away = connection.request("user.me", {});
  const told = expect(away).rejects.toMatchObject({ code: "closed" });
  last().lose(1006);
  await told;
  await expect(connection.request("user.me", {})).rejects.toMatchObject({ code: "closed" });
});

it("tries nothing while the browser is offline", async () => {
  const { connection, sockets, states, setOnline } = world();
  setOnline(false);
  connection.connect();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(sockets).toHaveLength(0);
  expect(states.at(-1)).toEqual({ state: "offline" });
  setOnline(true);
  connection.connect();
  expect(sockets).toHaveLength(1);
});
