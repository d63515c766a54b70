/** One message for the ears. */
export interface Spoken {
  name: string;
  text: string;
}

const burst_ms = 900;
const text_chars = 240;

/**
 * Gathers what arrives in a burst and says it once: one message by its author and text, several by their number and authors.
 * Nothing is said while a burst goes on for less than its limit, and never more than one sentence a burst.
 */
export function createAnnouncer(say: (sentence: string) => void, words: {
  one: (name: string, text: string) => string;
  many: (count: number, names: readonly string[]) => string;
}) {
  let waiting: Spoken[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;

  const flush = () => {
    timer = undefined;
    const burst = waiting;
    waiting = [];
    const only = burst[0];
    if (only === undefined) return;
    if (burst.length === 1) say(words.one(only.name, only.text.slice(0, text_chars)));
    else say(words.many(burst.length, [...new Set(burst.map((one) => one.name))].slice(0, 3)));
  };

  return {
    hear(message: Spoken): void {
      waiting.push(message);
      timer ??= setTimeout(flush, burst_ms);
    },
    stop(): void {
      clearTimeout(timer);
      timer = undefined;
      waiting = [];
    },
  };
}
