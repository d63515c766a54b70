/* The outbox on disk: IndexedDB, so that what was written survives a reload, a killed tab, a closed browser. Where the browser
   keeps nothing (a private window, a full disk), what is written lives as long as the page and is sent all the same. */
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
    request.onerror = () => {
      opened = undefined;
      reject(request.error ?? new Error("IndexedDB failed"));
    };
  });
  return opened;
}

async function objects(mode: IDBTransactionMode): Promise<IDBObjectStore> {
  return (await open()).transaction(outbox, mode, { durability: "strict" }).objectStore(outbox);
}

/** Written but on no disk, by nonce. */
const unstored = new Set<string>();

export async function putEntry(entry: OutboxEntry): Promise<void> {
  try {
    await done((await objects("readwrite")).put(entry));
  } catch {
    unstored.add(entry.nonce);
  }
}

export async function deleteEntry(nonce: string): Promise<void> {
  unstored.delete(nonce);
  await objects("readwrite")
    .then((store) => done(store.delete(nonce)))
    .catch(() => undefined); /* sent again after a reload, it is the same message: its nonce says so */
}

export async function hasEntry(nonce: string): Promise<boolean> {
  if (unstored.has(nonce)) return true;
  return objects("readonly")
    .then(async (store) => (await done(store.count(nonce))) > 0)
    .catch(() => true);
}

/** In the order in which they were written. */
export async function allEntries(): Promise<OutboxEntry[]> {
  const entries = await objects("readonly")
    .then(async (store) => (await done(store.getAll())) as OutboxEntry[])
    .catch((): OutboxEntry[] => []);
  return entries.sort((a, b) => a.created_at.localeCompare(b.created_at));
}

/** Nothing is left for the next person at this browser. */
export async function wipe(): Promise<void> {
  unstored.clear();
  if (opened) (await opened).close();
  opened = undefined;
  await done(indexedDB.deleteDatabase(name));
}
