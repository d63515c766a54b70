import { beforeEach, expect, it, vi } from "vitest";
import { ParleyError } from "./errors.ts";
import type { Message } from "./generated.ts";
import { indexedDbStore } from "./indexeddb.ts";
import { createOutbox, makeNonce, type OutboxEntry } from "./outbox.ts";
import { memoryStore } from "./stores.ts";

const store = indexedDbStore("test");

const entry = (nonce: string): OutboxEntry => ({ nonce, room: "r", text: nonce, created_at: `2026-11-24T13:00:0${nonce}.000Z` });

function world(send: (entry: OutboxEntry) => Promise<Message>, entries: OutboxEntry[]) {
  const failed: string[] = [];
  const settle = (nonce: string) => void entries.splice(entries.findIndex((one) => one.nonce === nonce), 1);
  const outbox = createOutbox({
    store,
    waiting: () => entries.filter((one) => !failed.includes(one.nonce)),
    send,
    onStored: (_message, nonce) => settle(nonce),
    onGone: settle,
    onFailed: (nonce) => failed.push(nonce),
  });
  return { outbox, failed };
}

const stored = (one: OutboxEntry): Message => ({ id: one.nonce, room: one.room, seq: 1, author: { id: "me", name: "me", display_name: "" }, text: one.text, nonce: one.nonce, created_at: one.created_at });

beforeEach(() => store.wipe());

it("a nonce is a UUIDv7 that begins with the time", () => {
  vi.useFakeTimers({ now: 0x0199_1234_5678 });
  const nonces = Array.from({ length: 100 }, makeNonce);
  vi.useRealTimers();
  expect(nonces.filter((nonce) => !/^01991234-5678-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(nonce))).toEqual([]);
  expect(new Set(nonces).size).toBe(100);
});

it("sends in the order of writing and forgets what was stored, on disk too", async () => {
  const entries = [entry("1"), entry("2"), entry("3")];
  for (const one of entries) await store.put(one);
  const sent: string[] = [];
  const { outbox } = world(async (one) => {
    sent.push(one.nonce);
    return stored(one);
  }, entries);
  await outbox.flush();
  expect(sent).toEqual(["1", "2", "3"]);
  expect(entries).toEqual([]);
  expect(await store.all()).toEqual([]);
});

it("what was written before a reload is there after it, in order", async () => {
  await store.put(entry("2"));
  await store.put(entry("1"));
  expect((await store.all()).map((one) => one.nonce)).toEqual(["1", "2"]);
});

it("stops at a lost line and goes on with the same nonce later", async () => {
  const entries = [entry("1"), entry("2")];
  for (const one of entries) await store.put(one);
  const send = vi.fn(async (one: OutboxEntry) => stored(one)).mockRejectedValueOnce(new ParleyError("closed", "lost"));
  const { outbox } = world(send, entries);
  await outbox.flush();
  expect(entries).toHaveLength(2);
  await outbox.flush();
  outbox.stop();
  expect(send.mock.calls.map(([one]) => one.nonce)).toEqual(["1", "1", "2"]);
});

it("what the server refuses is marked, kept, and holds nobody up", async () => {
  const entries = [entry("1"), entry("2")];
  for (const one of entries) await store.put(one);
  const send = vi.fn(async (one: OutboxEntry) => stored(one)).mockRejectedValueOnce(new ParleyError("room_archived", "archived"));
  const { outbox, failed } = world(send, entries);
  await outbox.flush();
  expect(failed).toEqual(["1"]);
  expect(entries.map((one) => one.nonce)).toEqual(["1"]);
  expect((await store.all()).map((one) => one.nonce)).toEqual(["1"]);
});

it("what another tab has sent is not sent again", async () => {
  const entries = [entry("1")];
  const send = vi.fn(async (one: OutboxEntry) => stored(one));
  const { outbox } = world(send, entries);
  await outbox.flush();
  expect(send).not.toHaveBeenCalled();
  expect(entries).toEqual([]);
});

it("where there is no disk, what is written is sent from memory, in order", async () => {
  const open = vi.spyOn(IDBFactory.prototype, "open").mockImplementation(() => {
    throw new DOMException("no storage here", "SecurityError");
  });
  await store.wipe();
  const entries = [entry("1"), entry("2")];
  for (const one of entries) await store.put(one);
  const sent: string[] = [];
  const { outbox } = world(async (one) => {
    sent.push(one.nonce);
    return stored(one);
  }, entries);
  await outbox.flush();
  open.mockRestore();
  expect(sent).toEqual(["1", "2"]);
});

it("what is written while the last one is being finished is sent too, at whichever moment", async () => {
  for (let moments = 0; moments < 12; moments += 1) {
    const kept = memoryStore();
    const entries: OutboxEntry[] = [];
    const sent: string[] = [];
    const outbox = createOutbox({
      store: kept,
      waiting: () => entries,
      send: async (one) => {
        sent.push(one.nonce);
        return stored(one);
      },
      onStored: () => void entries.shift(),
      onGone: () => void entries.shift(),
      onFailed: () => undefined,
    });
    await kept.put(entry("1"));
    const first = outbox.flush();
    for (let moment = 0; moment < moments; moment += 1) await Promise.resolve();
    entries.push(entry("1"));
    await Promise.all([first, outbox.flush()]);
    expect(sent, `after ${String(moments)} moments`).toEqual(["1"]);
  }
});
