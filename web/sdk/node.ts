/* What only Node has: an outbox and a cursor in files, so that a bot that is killed sends what it had taken on, and answers what it missed. */
import { open, readFile, rename } from "node:fs/promises";
import type { OutboxEntry, OutboxStore } from "./outbox.ts";
import type { CursorStore } from "./stores.ts";

/** Undefined: there is none. */
async function readWhole(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (failure) {
    if ((failure as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw failure;
  }
}

/** The whole file is written beside itself, brought to the disk and renamed: a crash leaves the old one or the new one. */
async function writeWhole(path: string, text: string): Promise<void> {
  const fresh = `${path}.new`;
  const file = await open(fresh, "w", 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(fresh, path);
}

/** One process and one account a file. */
export function fileStore(path: string): OutboxStore {
  const entries = readWhole(path).then((text) => JSON.parse(text ?? "[]") as OutboxEntry[]);
  let last: Promise<void> = Promise.resolve();
  entries.catch(() => undefined); /* told to whoever asks first */

  const change = (apply: (entries: OutboxEntry[]) => void): Promise<void> => {
    const next = last.then(async () => {
      const now = await entries;
      apply(now);
      await writeWhole(path, JSON.stringify(now));
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

/** One process and one account a file. Of cursors that come while one is written only the newest is written next. */
export function fileCursor(path: string): CursorStore {
  let next: string | undefined;
  let writing: Promise<void> | undefined;

  const write = async (): Promise<void> => {
    try {
      for (let cursor = next; cursor !== undefined; cursor = next) {
        next = undefined;
        await writeWhole(path, cursor);
      }
    } finally {
      writing = undefined;
    }
  };
  return {
    load: () => readWhole(path),
    save: (cursor) => {
      next = cursor;
      writing ??= write();
      return writing;
    },
  };
}
