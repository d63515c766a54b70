/* What only Node has: an outbox in a file, so that a bot that is killed sends what it had taken on. */
import { open, readFile, rename } from "node:fs/promises";
import type { OutboxEntry, OutboxStore } from "./outbox.ts";

async function readEntries(path: string): Promise<OutboxEntry[]> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as OutboxEntry[];
  } catch (failure) {
    if ((failure as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw failure;
  }
}

/** The whole file is written beside itself, brought to the disk and renamed: a crash leaves the old one or the new one. */
async function writeEntries(path: string, entries: readonly OutboxEntry[]): Promise<void> {
  const fresh = `${path}.new`;
  const file = await open(fresh, "w", 0o600);
  try {
    await file.writeFile(JSON.stringify(entries));
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(fresh, path);
}

/** One process and one account a file. */
export function fileStore(path: string): OutboxStore {
  const entries = readEntries(path);
  let last: Promise<void> = Promise.resolve();
  entries.catch(() => undefined); /* told to whoever asks first */

  const change = (apply: (entries: OutboxEntry[]) => void): Promise<void> => {
    const next = last.then(async () => {
      const now = await entries;
      apply(now);
      await writeEntries(path, now);
    });
    last = next.catch(() => undefined);
    return next;
  };
  return {
    put: (entry) => change((now) => now.push(entry)),
    delete: (nonce) => change((now) => now.splice(0, now.length, ...now.filter((one) => one.nonce !== nonce))),
    has: async (nonce) => (await entries).some((one) => one.nonce === nonce),
    all: async () => [...(await entries)],
  };
}
