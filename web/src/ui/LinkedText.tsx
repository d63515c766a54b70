import { linkParts } from "../lib/autolink";

/** Plain text with its web and mail addresses as links: elements only, never HTML. */
export function LinkedText({ text }: { text: string }) {
  return linkParts(text).map((part, at) =>
    part.kind === "text" ? (
      part.text
    ) : (
      <a key={at} href={part.href} target="_blank" rel="noopener noreferrer">
        {part.text}
      </a>
    ),
  );
}
