/* Sends what waits, in the order of writing, once: the nonce makes a second try harmless, and one tab at a time does it. */
import { isTransient, ParleyError } from "../../sdk/errors.ts";
import type { Message } from "../../sdk/generated.ts";
import { deleteEntry, hasEntry } from "./database.ts";
import type { OutboxEntry } from "./state.ts";

export interface OutboxDeps {
  /** Those that wait now, oldest first, without the failed ones. */
  waiting: () => readonly OutboxEntry[];
  send: (entry: OutboxEntry) => Promise<Message>;
  onStored: (message: Message, nonce: string) => void;
  onGone: (nonce: string) => void;
  onFailed: (nonce: string, reason: string) => void;
}

const retry_ms = 2000;

async function locked(work: () => Promise<void>): Promise<void> {
  const { locks } = navigator as { locks?: LockManager | null }; /* missing where the page is not secure (plain HTTP in a LAN) */
  if (locks) await locks.request("parley-outbox", work);
  else await work();
}

export function createOutbox(deps: OutboxDeps) {
  let running = false;
  let again = false;
  let timer: ReturnType<typeof setTimeout> | undefined;

  async function sendOne(entry: OutboxEntry): Promise<boolean> {
    if (!(await hasEntry(entry.nonce))) {
      deps.onGone(entry.nonce); /* another tab did it; its event settles it here */
      return true;
    }
    try {
      const message = await deps.send(entry);
      await deleteEntry(entry.nonce);
      deps.onStored(message, entry.nonce);
      return true;
    } catch (failure) {
      if (!isTransient(failure)) {
        deps.onFailed(entry.nonce, failure instanceof ParleyError ? failure.code : "internal");
        return true;
      }
      const wait = failure instanceof ParleyError && failure.retryAfter !== undefined ? failure.retryAfter * 1000 : retry_ms;
      clearTimeout(timer);
      timer = setTimeout(() => void flush(), wait);
      return false;
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
      await locked(async () => {
        do {
          again = false;
          for (let entry = deps.waiting()[0]; entry; entry = deps.waiting()[0]) {
            if (!(await sendOne(entry))) return;
          }
        } while (again);
      });
    } finally {
      running = false;
    }
  }

  function stop(): void {
    clearTimeout(timer);
  }

  return { flush, stop };
}
