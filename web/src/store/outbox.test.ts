import { beforeEach, expect, it, vi } from "vitest";
import { ParleyError } from "../../sdk/errors.ts";
import type { Message } from "../../sdk/generated.ts";
import { allEntries, putEntry, wipe } from "./database.ts";
import { createOutbox } from "./outbox.ts";
import type { OutboxEntry } from "./state.ts";

const entry = (nonce: string): OutboxEntry => ({ nonce, account: "me", room: "r", text: nonce, created_at: `2026-11-24T13:00:0${nonce}.000Z` });

function world(send: (entry: OutboxEntry) => Promise<Message>, entries: OutboxEntry[]) {
  const failed: string[] = [];
  const settle = (nonce: string) => void entries.splice(entries.findIndex((one) => one.nonce === nonce), 1);
  const outbox = createOutbox({
    waiting: () => entries.filter((one) => !failed.includes(one.nonce)),
    send,
    onStored: (_message, nonce) => settle(nonce),
    onGone: settle,
    onFailed: (nonce) => failed.push(nonce),
  });
  return { outbox, failed };
}

const stored = (one: OutboxEntry): Message => ({ id: one.nonce, room: one.room, seq: 1, author: { id: "me", name: "me", display_name: "" }, text: one.text, nonce: one.nonce, created_at: one.created_at });

beforeEach(() => wipe());

it("sends in the order of writing and forgets what was stored, on disk too", async () => {
  const entries = [entry("1"), entry("2"), entry("3")];
  for (const one of entries) await putEntry(one);
  const sent: string[] = [];
  const { outbox } = world(async (one) => {
    sent.push(one.nonce);
    return stored(one);
  }, entries);
  await outbox.flush();
  expect(sent).toEqual(["1", "2", "3"]);
  expect(entries).toEqual([]);
  expect(await allEntries()).toEqual([]);
});

it("what was written before a reload is there after it, in order", async () => {
  await putEntry(entry("2"));
  await putEntry(entry("1"));
  expect((await allEntries()).map((one) => one.nonce)).toEqual(["1", "2"]);
});

it("stops at a lost line and goes on with the same nonce later", async () => {
  const entries = [entry("1"), entry("2")];
  for (const one of entries) await putEntry(one);
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
  for (const one of entries) await putEntry(one);
  const send = vi.fn(async (one: OutboxEntry) => stored(one)).mockRejectedValueOnce(new ParleyError("room_archived", "archived"));
  const { outbox, failed } = world(send, entries);
  await outbox.flush();
  expect(failed).toEqual(["1"]);
  expect(entries.map((one) => one.nonce)).toEqual(["1"]);
  expect((await allEntries()).map((one) => one.nonce)).toEqual(["1"]);
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
  await wipe();
  const entries = [entry("1"), entry("2")];
  for (const one of entries) await putEntry(one);
  const sent: string[] = [];
  const { outbox } = world(async (one) => {
    sent.push(one.nonce);
    return stored(one);
  }, entries);
  await outbox.flush();
  open.mockRestore();
  expect(sent).toEqual(["1", "2"]);
});
