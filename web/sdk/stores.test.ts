import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { indexedDbStore } from "./indexeddb.ts";
import { fileStore } from "./node.ts";
import type { OutboxEntry } from "./outbox.ts";
import { localStore, memoryStore } from "./stores.ts";

const entry = (nonce: string): OutboxEntry => ({ nonce, room: "r", text: `text ${nonce}`, created_at: `2026-11-24T13:00:0${nonce}.000Z` });
const folder = mkdtempSync(join(tmpdir(), "parley-sdk-"));

/* `again` opens what the first one left behind; memory keeps nothing. */
const kinds = {
  memory: { open: memoryStore, keeps: false },
  localStorage: { open: () => localStore("ann"), keeps: true },
  IndexedDB: { open: () => indexedDbStore("stores-test"), keeps: true },
  "a file": { open: () => fileStore(join(folder, "outbox.json")), keeps: true },
};

for (const [kind, { open, keeps }] of Object.entries(kinds)) {
  it(`an outbox in ${kind} holds what was put until it is deleted, in order`, async () => {
    const store = open();
    await Promise.all([store.put(entry("1")), store.put(entry("2")), store.put(entry("3"))]);
    await store.delete("2");
    expect(await store.all()).toEqual([entry("1"), entry("3")]);
    expect([await store.has("1"), await store.has("2")]).toEqual([true, false]);
    expect(await open().all()).toEqual(keeps ? [entry("1"), entry("3")] : []);
  });
}

it("accounts keep apart in localStorage", async () => {
  await localStore("bob").put(entry("7"));
  expect((await localStore("ann").all()).map((one) => one.nonce)).not.toContain("7");
});

it("a file that is no outbox is not written over", async () => {
  const path = join(folder, "other.json");
  writeFileSync(path, "precious");
  await expect(fileStore(path).put(entry("1"))).rejects.toThrow();
  expect(readFileSync(path, "utf8")).toBe("precious");
});
