/* An event stream read by hand (WHATWG HTML section 9.2.6), since Node has no EventSource and the browser's sends no headers. */

export interface StreamEvent {
  id: string | undefined;
  event: string;
  data: string;
}

/** Takes text in pieces of any length and hands on each event that is whole. Comments are dropped. */
export class EventStreamParser {
  readonly #onEvent: (event: StreamEvent) => void;
  #rest = "";
  #id: string | undefined;
  #event = "";
  #data: string[] = [];

  constructor(onEvent: (event: StreamEvent) => void) {
    this.#onEvent = onEvent;
  }

  feed(text: string): void {
    const lines = (this.#rest + text).split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop() ?? "";
    for (const line of lines) this.#take(line);
  }

  #take(line: string): void {
    if (line === "") {
      if (this.#data.length > 0) this.#onEvent({ id: this.#id, event: this.#event || "message", data: this.#data.join("\n") });
      this.#event = "";
      this.#data = [];
      return;
    }
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
    if (field === "data") this.#data.push(value);
    else if (field === "event") this.#event = value;
    else if (field === "id") this.#id = value;
  }
}
