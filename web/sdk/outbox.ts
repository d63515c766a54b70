/* Messages that wait to be stored. They are sent in the order of writing, once: the nonce makes a second try harmless, and one tab at a time does it. */
import { isTransient, ParleyError } from "./errors.ts";
import type { Message } from "./generated.ts";

export interface OutboxEntry {
  nonce: string;
  room: string;
  text: string;
  created_at: string;
}

/** Where entries are kept while they wait. */
export interface OutboxStore<E extends OutboxEntry = OutboxEntry> {
  put(entry: E): Promise<void>;
  delete(nonce: string): Promise<void>;
  has(nonce: string): Promise<boolean>;
  /** In the order in which they were written. */
  all(): Promise<E[]>;
  /** Tabs that share the store hold the Web Lock of this name while they send. */
  readonly lock?: string;
}

export interface OutboxDeps<E extends OutboxEntry> {
  store: OutboxStore<E>;
  /** Those that wait now, oldest first, without the failed ones. */
  waiting: () => readonly E[];
  send: (entry: E) => Promise<Message>;
  onStored: (message: Message, nonce: string) => void;
  /** Another tab sent it. */
  onGone: (nonce: string) => void;
  /** The server refused it for what it is. */
  onFailed: (nonce: string, error: ParleyError) => void;
}

const retry_ms = 2000;

/** A UUIDv7 (RFC 9562, 5.7): nonces that begin with the time lie side by side in the server's database, which makes sending cheaper. */
export function makeNonce(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16)); /* crypto.randomUUID() is missing where the page is not secure */
  const view = new DataView(bytes.buffer);
  const now = Date.now();
  view.setUint16(0, Math.floor(now / 2 ** 32));
  view.setUint32(2, now % 2 ** 32);
  view.setUint8(6, 0x70 | (view.getUint8(6) & 0x0f)); /* version 7 */
  view.setUint8(8, 0x80 | (view.getUint8(8) & 0x3f)); /* RFC 9562's variant */
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

async function locked(name: string | undefined, work: () => Promise<void>): Promise<void> {
  const locks = typeof navigator === "undefined" ? undefined : (navigator as { locks?: LockManager | null }).locks; /* missing where the page is not secure (plain HTTP in a LAN) */
  if (name !== undefined && locks) await locks.request(name, work);
  else await work();
}

export function createOutbox<E extends OutboxEntry>(deps: OutboxDeps<E>) {
  let running = false;
  let again = false;
  let timer: ReturnType<typeof setTimeout> | undefined;

  async function sendOne(entry: E): Promise<boolean> {
    if (!(await deps.store.has(entry.nonce))) {
      deps.onGone(entry.nonce); /* another tab did it; its event settles it here */
      return true;
    }
    try {
      const message = await deps.send(entry);
      await deps.store.delete(entry.nonce);
      deps.onStored(message, entry.nonce);
      return true;
    } catch (failure) {
      if (!isTransient(failure)) {
        deps.onFailed(entry.nonce, failure as ParleyError); /* all others are transient */
        return true;
      }
      const wait = failure instanceof ParleyError && failure.retryAfter !== undefined ? failure.retryAfter * 1000 : retry_ms;
      clearTimeout(timer);
      timer = setTimeout(() => void flush(), wait);
      return false;
    }
  }

  async function sendWaiting(): Promise<void> {
    for (let entry = deps.waiting()[0]; entry; entry = deps.waiting()[0]) {
      if (!(await sendOne(entry))) return;
    }
  }

  /** Sends all that waits; returns when nothing more can be done now. */
  async function flush(): Promise<void> {
    if (running) {
      again = true;
      return;
    }
    running = true;
    try {
      do {
        again = false;
        await locked(deps.store.lock, sendWaiting);
      } while (again); /* nothing is awaited from here to the end: who comes now sees that it is not running */
    } finally {
      running = false;
    }
  }

  function stop(): void {
    clearTimeout(timer);
  }

  return { flush, stop };
}
