/* An outbox in IndexedDB, so that what was written survives a reload, a killed tab, a closed browser. Where the browser keeps
   nothing (a private window, a full disk), what is written lives as long as the page and is sent all the same. */
import type { OutboxEntry, OutboxStore } from "./outbox.ts";

const outbox = "outbox";

function done<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("IndexedDB failed"));
  });
}

export interface IndexedDbStore<E extends OutboxEntry> extends OutboxStore<E> {
  /** Nothing is left for the next person at this browser. */
  wipe(): Promise<void>;
}

/** The database of that name; its tabs share it. */
export function indexedDbStore<E extends OutboxEntry = OutboxEntry>(name: string): IndexedDbStore<E> {
  let opened: Promise<IDBDatabase> | undefined;
  const unstored = new Set<string>(); /* written but on no disk, by nonce */

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
    opened.catch(() => (opened = undefined)); /* the next one tries again */
    return opened;
  }

  async function objects(mode: IDBTransactionMode): Promise<IDBObjectStore> {
    return (await open()).transaction(outbox, mode, { durability: "strict" }).objectStore(outbox);
  }

  return {
    lock: `${name}-outbox`,
    put: async (entry) => {
      try {
        await done((await objects("readwrite")).put(entry));
      } catch {
        unstored.add(entry.nonce);
      }
    },
    delete: async (nonce) => {
      unstored.delete(nonce);
      await objects("readwrite")
        .then((store) => done(store.delete(nonce)))
        .catch(() => undefined); /* sent again after a reload, it is the same message: its nonce says so */
    },
    has: async (nonce) => {
      if (unstored.has(nonce)) return true;
      return objects("readonly")
        .then(async (store) => (await done(store.count(nonce))) > 0)
        .catch(() => true);
    },
    all: async () => {
      const entries = await objects("readonly")
        .then(async (store) => (await done(store.getAll())) as E[])
        .catch((): E[] => []);
      return entries.sort((a, b) => a.created_at.localeCompare(b.created_at));
    },
    wipe: async () => {
      unstored.clear();
      (await opened?.catch(() => undefined))?.close();
      opened = undefined;
      await done(indexedDB.deleteDatabase(name));
    },
  };
}
