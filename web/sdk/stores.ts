/* Where an outbox keeps what waits: in memory, or in the browser's localStorage. IndexedDB: indexeddb.ts; a file in Node: node.ts. */
import type { OutboxEntry, OutboxStore } from "./outbox.ts";

const inOrder = (a: OutboxEntry, b: OutboxEntry) => a.created_at.localeCompare(b.created_at);

/** Where a client keeps its place in the stream, to go on there when it is started again. */
export interface CursorStore {
  load(): Promise<string | undefined>;
  save(cursor: string): Promise<void>;
}

/** Gone with the process. */
export function memoryStore(): OutboxStore {
  const entries = new Map<string, OutboxEntry>();
  return {
    put: async (entry) => void entries.set(entry.nonce, entry),
    delete: async (nonce) => void entries.delete(nonce),
    has: async (nonce) => entries.has(nonce),
    all: async () => [...entries.values()].sort(inOrder),
  };
}

/** Survives a reload; for a few messages, since the browser writes it whole. `name` keeps accounts apart. */
export function localStore(name: string): OutboxStore {
  const prefix = `parley-outbox:${name}:`;
  return {
    lock: prefix,
    put: async (entry) => localStorage.setItem(prefix + entry.nonce, JSON.stringify(entry)),
    delete: async (nonce) => localStorage.removeItem(prefix + nonce),
    has: async (nonce) => localStorage.getItem(prefix + nonce) !== null,
    all: async () =>
      Object.keys(localStorage)
        .filter((key) => key.startsWith(prefix))
        .map((key) => JSON.parse(localStorage.getItem(key) ?? "{}") as OutboxEntry)
        .sort(inOrder),
  };
}
