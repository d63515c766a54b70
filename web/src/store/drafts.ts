/* Drafts, a room each, kept at once: localStorage, wiped at sign-out. */
const prefix = "parley.draft.";

export function readDrafts(): Record<string, string> {
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
  for (const key of Object.keys(localStorage)) {
    if (key.startsWith(prefix)) localStorage.removeItem(key);
  }
}
