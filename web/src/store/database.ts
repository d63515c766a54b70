/* The outbox on disk: IndexedDB, so that what was written survives a reload, a killed tab, a closed browser. */
import type { OutboxEntry } from "./state.ts";

const name = "parley";
const outbox = "outbox";

function done<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("IndexedDB failed"));
  });
}

let opened: Promise<IDBDatabase> | undefined;

function open(): Promise<IDBDatabase> {
  opened ??= new Promise((resolve, reject) => {
    const request = indexedDB.open(name, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(outbox, { keyPath: "nonce" });
    request.onsuccess = () => {
      request.result.onversionchange = () => {
        request.result.close();
        opened = undefined;
      };
      resolve(request.result);
    };
    request.onerror = () => reject(request.error ?? new Error("IndexedDB failed"));
  });
  return opened;
}

async function objects(mode: IDBTransactionMode): Promise<IDBObjectStore> {
  return (await open()).transaction(outbox, mode, { durability: "strict" }).objectStore(outbox);
}

export async function putEntry(entry: OutboxEntry): Promise<void> {
  await done((await objects("readwrite")).put(entry));
}

export async function deleteEntry(nonce: string): Promise<void> {
  await done((await objects("readwrite")).delete(nonce));
}

export async function hasEntry(nonce: string): Promise<boolean> {
  return (await done((await objects("readonly")).count(nonce))) > 0;
}

/** In the order in which they were written. */
export async function allEntries(): Promise<OutboxEntry[]> {
  const entries = (await done((await objects("readonly")).getAll())) as OutboxEntry[];
  return entries.sort((a, b) => a.created_at.localeCompare(b.created_at));
}

/** Nothing is left for the next person at this browser. */
export async function wipe(): Promise<void> {
  if (opened) (await opened).close();
  opened = undefined;
  await done(indexedDB.deleteDatabase(name));
}
