/** Limits count Unicode code points, as the server does. */
export function codePoints(text: string): number {
  let points = 0;
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    if (unit < 0xdc00 || unit > 0xdfff) points += 1;
  }
  return points;
}

const onlyEmoji = /^(?:\p{RGI_Emoji}|\p{Extended_Pictographic}|\s)+$/v;
const hasEmoji = /\p{RGI_Emoji}|\p{Extended_Pictographic}/v;
const emojiShown_units = 64;

/** True for a few emoji and nothing else: such a message is drawn larger. */
export function isEmojiOnly(text: string): boolean {
  return text.length <= emojiShown_units && onlyEmoji.test(text) && hasEmoji.test(text);
}

/** For finding while typing: no case, no accents. */
export function folded(text: string): string {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLocaleLowerCase();
}
