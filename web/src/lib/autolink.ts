/** Plain text cut into what is a link and what is not. Only http, https and mailto ever become links. */
export type TextPart = { kind: "text"; text: string } | { kind: "link"; text: string; href: string };

const candidate = /\b(?:https?:\/\/|mailto:)[^\s\p{Cc}<>"'`]+/giu;
const closers: Record<string, string> = { ")": "(", "]": "[", "}": "{" };

function count(text: string, char: string): number {
  return text.split(char).length - 1;
}

/** What ends a sentence or closes a bracket that the address did not open belongs to the text around it. */
function trimEnd(address: string): string {
  let end = address;
  for (;;) {
    const last = end.slice(-1);
    const opener = closers[last];
    const isTail = opener === undefined ? /[.,;:!?*_~’”»…]/u.test(last) : count(end, last) > count(end, opener);
    if (last === "" || !isTail) return end;
    end = end.slice(0, -1);
  }
}

/** The address in its normal form, or undefined if it is not one of the three kinds that we link. */
export function safeHref(address: string): string | undefined {
  let url: URL;
  try {
    url = new URL(address);
  } catch {
    return undefined;
  }
  if (url.protocol === "mailto:") return url.pathname.includes("@") ? url.href : undefined;
  const web = url.protocol === "http:" || url.protocol === "https:";
  return web && url.hostname !== "" ? url.href : undefined;
}

export function linkParts(text: string): TextPart[] {
  const parts: TextPart[] = [];
  let done = 0;
  for (const match of text.matchAll(candidate)) {
    const address = trimEnd(match[0]);
    const href = safeHref(address);
    if (href === undefined) continue;
    if (match.index > done) parts.push({ kind: "text", text: text.slice(done, match.index) });
    parts.push({ kind: "link", text: address, href });
    done = match.index + address.length;
  }
  if (done < text.length) parts.push({ kind: "text", text: text.slice(done) });
  return parts;
}
