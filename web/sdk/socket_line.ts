/* The line over WebSocket: requests and events on one socket. */
import { errorFromWire, ParleyError } from "./errors.ts";
import type { Operations } from "./generated.ts";
import { lossFrom, lossOf, requestTimeout_ms, type Line, type LineOwner, type ServerEvent } from "./line.ts";

/** What the line needs of a WebSocket; the browser's, Node's and `ws` have it. */
export interface SocketLike {
  send(data: string): void;
  close(code?: number): void;
  addEventListener(type: "open" | "error", listener: () => void): void;
  addEventListener(type: "message", listener: (event: { data: unknown }) => void): void;
  addEventListener(type: "close", listener: (event: { code: number; reason: string }) => void): void;
}

interface Waiting {
  resolve: (result: unknown) => void;
  reject: (error: ParleyError) => void;
  timer: ReturnType<typeof setTimeout>;
}

export class SocketLine implements Line {
  readonly #socket: SocketLike;
  readonly #owner: LineOwner;
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;
  #opened = false;
  #closed = false;

  constructor(socket: SocketLike, from: { token?: string | undefined; cursor?: string | undefined }, owner: LineOwner) {
    this.#socket = socket;
    this.#owner = owner;
    socket.addEventListener("open", () => void this.#begin(from.token, from.cursor));
    socket.addEventListener("error", () => this.#fail());
    socket.addEventListener("message", (message) => this.#hear(message.data));
    socket.addEventListener("close", (event) => {
      if (this.#closed) return;
      this.close();
      owner.lost(lossOf(event.code, event.reason));
    });
  }

  request<N extends keyof Operations>(name: N, params: Operations[N]["params"]): Promise<Operations[N]["result"]> {
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(id);
        reject(new ParleyError("timeout", "no reply"));
      }, requestTimeout_ms);
      this.#waiting.set(id, { resolve: resolve as (result: unknown) => void, reject, timer });
      this.#socket.send(JSON.stringify({ id, method: name, params }));
    });
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket.close();
    const error = new ParleyError("closed", "the connection was lost");
    for (const waiting of this.#waiting.values()) {
      clearTimeout(waiting.timer);
      waiting.reject(error);
    }
    this.#waiting.clear();
  }

  /** Node's WebSocket tells a refused upgrade by an error alone; once it is open a close with its code follows. */
  #fail(): void {
    if (this.#opened || this.#closed) return;
    this.close();
    this.#owner.lost(lossFrom(new ParleyError("network", "the WebSocket did not open")));
  }

  async #begin(token: string | undefined, cursor: string | undefined): Promise<void> {
    if (this.#closed) return;
    this.#opened = true;
    this.#owner.heard();
    try {
      if (token !== undefined) await this.request("session.authenticate", { token });
      const result = await this.request("session.start", cursor === undefined ? {} : { cursor });
      if (!this.#closed) this.#owner.started(result);
    } catch (failure) {
      if (this.#closed) return;
      this.close();
      this.#owner.lost(lossFrom(failure));
    }
  }

  #hear(data: unknown): void {
    if (this.#closed || typeof data !== "string") return;
    this.#owner.heard();
    const message = JSON.parse(data) as { id?: number; result?: unknown; error?: object } & Partial<ServerEvent>;
    if (message.event !== undefined) {
      this.#owner.event(message as ServerEvent);
      return;
    }
    const waiting = message.id === undefined ? undefined : this.#waiting.get(message.id);
    if (!waiting || message.id === undefined) return;
    this.#waiting.delete(message.id);
    clearTimeout(waiting.timer);
    if (message.error) waiting.reject(errorFromWire(message.error));
    else waiting.resolve(message.result);
  }
}
