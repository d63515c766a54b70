/* Drafts, a room each, kept at once, and which room was open: localStorage, wiped at sign-out, and when another person signs
   in at this browser. */
const prefix = "parley.draft.";
const owner = "parley.drafts-of";
const openRoom = "parley.room";

/** The person's own; what somebody else left behind is wiped. */
export function readDrafts(account: string): Record<string, string> {
  if (localStorage.getItem(owner) !== account) wipeDrafts();
  localStorage.setItem(owner, account);
  const drafts: Record<string, string> = {};
  for (const key of Object.keys(localStorage)) {
    const text = key.startsWith(prefix) ? localStorage.getItem(key) : null;
    if (text !== null) drafts[key.slice(prefix.length)] = text;
  }
  return drafts;
}

export function writeDraft(room: string, text: string): void {
  if (text === "") localStorage.removeItem(prefix + room);
  else localStorage.setItem(prefix + room, text);
}

export function wipeDrafts(): void {
  localStorage.removeItem(owner);
  localStorage.removeItem(openRoom);
  for (const key of Object.keys(localStorage)) {
    if (key.startsWith(prefix)) localStorage.removeItem(key);
  }
}

/** The room that was open last. */
export function readOpenRoom(): string | undefined {
  return localStorage.getItem(openRoom) ?? undefined;
}

export function writeOpenRoom(room: string): void {
  localStorage.setItem(openRoom, room);
}
