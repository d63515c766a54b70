/** What the list needs to know of a message to place it among its neighbours. */
export interface Placed {
  /** Stays the same while a local echo settles. */
  key: string;
  /** 0 while it is not stored. */
  seq: number;
  author: { id: string };
  created_at: string;
  deleted_at?: string | undefined;
}

/**
 * A message with what stands beside it. A row's height never depends on what is before it, so that putting earlier messages
 * above the first row moves nothing: a day's date stands below the last message of the day before.
 */
export interface Row<M extends Placed> {
  message: M;
  /** It begins a group: its author's name and the time are shown. */
  first: boolean;
  /** The next message is of another day: its date stands below. */
  dayAfter: Date | undefined;
  /** "New messages" stands above it. */
  divider: boolean;
}

const group_ms = 5 * 60_000;

function sameDay(a: Date, b: Date): boolean {
  return a.getFullYear() === b.getFullYear() && a.getMonth() === b.getMonth() && a.getDate() === b.getDate();
}

/**
 * Messages of one author within five minutes and one day make a group; a divider or a tombstone ends one, and so does the
 * beginning of a page as it was fetched.
 */
export function rowsOf<M extends Placed>(messages: readonly M[], dividerKey: string | undefined, pageStarts: ReadonlySet<string>): Row<M>[] {
  const rows: Row<M>[] = [];
  let before: M | undefined;
  let beforeAt = new Date(0);
  for (const message of messages) {
    const at = new Date(message.created_at);
    const newDay = before === undefined || !sameDay(beforeAt, at);
    const divider = message.key === dividerKey;
    const grouped =
      before !== undefined &&
      !newDay &&
      !divider &&
      !pageStarts.has(message.key) &&
      before.author.id === message.author.id &&
      before.deleted_at === undefined &&
      message.deleted_at === undefined &&
      at.getTime() - beforeAt.getTime() < group_ms;
    const above = rows.at(-1);
    if (newDay && above) above.dayAfter = at;
    rows.push({ message, first: !grouped, dayAfter: undefined, divider });
    before = message;
    beforeAt = at;
  }
  return rows;
}

/**
 * Where the "new messages" line stands: above the first message of somebody else after the marker as it was on opening. While
 * the oldest one that is loaded is new already, the first new one may be among those to be fetched: there is no line yet.
 */
export function dividerKeyOf(messages: readonly Placed[], readSeq: number, self: string, hasEarlier: boolean): string | undefined {
  const first = messages[0];
  if (first === undefined || (hasEarlier && first.seq > readSeq)) return undefined;
  return messages.find((message) => message.seq > readSeq && message.author.id !== self)?.key;
}
