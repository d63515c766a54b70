/* One connection to the server over WebSocket: requests with their replies, events in order, resuming after every loss. */
import { errorFromWire, ParleyError } from "./errors.ts";
import type { Events, Operations, SessionStartResult } from "./generated.ts";

export type EventName = keyof Events;

/** An event as it came: `seq` where it is a room's, `cursor` where it is logged. */
export interface ServerEvent<N extends EventName = EventName> {
  event: N;
  room?: string;
  seq?: number;
  cursor?: string;
  data: Events[N];
}

export type ConnectionState =
  | { state: "connecting" }
  | { state: "open" }
  /** The next try is at `retryAt` (Unix ms). */
  | { state: "waiting"; retryAt: number }
  /** Nothing is tried until connect() or the browser is online. */
  | { state: "offline" }
  /** The server ended the session: sign in again. */
  | { state: "ended"; code: number };

/** What the connection needs of a WebSocket; the browser's and `ws` have it. */
export interface SocketLike {
  send(data: string): void;
  close(code?: number): void;
  addEventListener(type: "open", listener: () => void): void;
  addEventListener(type: "message", listener: (event: { data: unknown }) => void): void;
  addEventListener(type: "close", listener: (event: { code: number; reason: string }) => void): void;
}

export interface ConnectionOptions {
  openSocket: () => SocketLike;
  /** A bearer token, where no cookie or header signs the socket in. */
  token?: string;
  onState: (state: ConnectionState) => void;
  /** After every (re)connection, before the events that follow. */
  onStart: (result: SessionStartResult) => void;
  onEvent: (event: ServerEvent) => void;
  isOnline?: () => boolean;
}

const requestTimeout_ms = 15_000;
/* The server sends a heartbeat every 25 s on a quiet session. */
const silenceTimeout_ms = 40_000;
const backoffFirst_ms = 500;
const backoffMost_ms = 30_000;

interface Waiting {
  resolve: (result: unknown) => void;
  reject: (error: ParleyError) => void;
  timer: ReturnType<typeof setTimeout>;
}

export class Connection {
  readonly #options: ConnectionOptions;
  #socket: SocketLike | undefined;
  #state: ConnectionState = { state: "offline" };
  #waiting = new Map<number, Waiting>();
  #lastId = 0;
  #cursor: string | undefined;
  #tries = 0;
  #retryTimer: ReturnType<typeof setTimeout> | undefined;
  #silenceTimer: ReturnType<typeof setTimeout> | undefined;
  #started = false;

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** Connects now, whatever was planned. Does nothing while it is connecting or open. */
  connect(): void {
    clearTimeout(this.#retryTimer);
    if (this.#socket) return;
    if (this.#options.isOnline?.() === false) {
      this.#set({ state: "offline" });
      return;
    }
    this.#set({ state: "connecting" });
    const socket = this.#options.openSocket();
    this.#socket = socket;
    this.#started = false;
    this.#watch();
    socket.addEventListener("open", () => void this.#begin(socket));
    socket.addEventListener("message", (message) => this.#hear(socket, message.data));
    socket.addEventListener("close", (event) => this.#lose(socket, event.code, event.reason));
  }

  /** Closes for good; connect() begins again, from the newest cursor. */
  close(): void {
    clearTimeout(this.#retryTimer);
    this.#drop();
    this.#set({ state: "offline" });
  }

  /** Forgets the place in the stream: the next connection gets the whole state. */
  forget(): void {
    this.#cursor = undefined;
  }

  /** The browser lost its network: waiting for a reply is of no use. */
  lost(): void {
    if (this.#state.state === "ended") return;
    clearTimeout(this.#retryTimer);
    this.#drop();
    this.#set({ state: "offline" });
  }

  /** Carries out one operation. Throws ParleyError: "closed" and "timeout" leave open whether it was done. */
  request<N extends keyof Operations>(name: N, params: Operations[N]["params"]): Promise<Operations[N]["result"]> {
    const socket = this.#socket;
    if (!socket || !this.#started) return Promise.reject(new ParleyError("closed", "not connected"));
    return this.#ask(socket, name, params);
  }

  #ask<N extends keyof Operations>(socket: SocketLike, name: N, params: Operations[N]["params"]): Promise<Operations[N]["result"]> {
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(id);
        reject(new ParleyError("timeout", "no reply"));
      }, requestTimeout_ms);
      this.#waiting.set(id, { resolve: resolve as (result: unknown) => void, reject, timer });
      socket.send(JSON.stringify({ id, method: name, params }));
    });
  }

  async #begin(socket: SocketLike): Promise<void> {
    if (socket !== this.#socket) return;
    try {
      if (this.#options.token !== undefined) await this.#ask(socket, "session.authenticate", { token: this.#options.token });
      const result = await this.#ask(socket, "session.start", this.#cursor === undefined ? {} : { cursor: this.#cursor });
      if (socket !== this.#socket) return;
      this.#tries = 0;
      this.#started = true;
      this.#cursor = result.cursor;
      this.#options.onStart(result);
      this.#set({ state: "open" });
    } catch (failure) {
      if (socket !== this.#socket) return;
      const refused = failure instanceof ParleyError && ["sign_in_required", "invalid_token"].includes(failure.code);
      this.#drop();
      if (refused) this.#set({ state: "ended", code: 4500 });
      else this.#retry(undefined);
    }
  }

  #hear(socket: SocketLike, data: unknown): void {
    if (socket !== this.#socket || typeof data !== "string") return;
    this.#watch();
    const message = JSON.parse(data) as { id?: number; result?: unknown; error?: object } & Partial<ServerEvent>;
    if (message.event !== undefined) {
      if (message.cursor !== undefined) this.#cursor = message.cursor;
      if (message.event !== "heartbeat") this.#options.onEvent(message as ServerEvent);
      return;
    }
    const waiting = message.id === undefined ? undefined : this.#waiting.get(message.id);
    if (!waiting || message.id === undefined) return;
    this.#waiting.delete(message.id);
    clearTimeout(waiting.timer);
    if (message.error) waiting.reject(errorFromWire(message.error));
    else waiting.resolve(message.result);
  }

  #lose(socket: SocketLike, code: number, reason: string): void {
    if (socket !== this.#socket) return;
    this.#drop();
    if (code >= 4500 && code <= 4999) {
      this.#set({ state: "ended", code });
      return;
    }
    const asked = /^retry_after=(\d+)$/.exec(reason)?.[1];
    this.#retry(asked === undefined ? undefined : Number(asked));
  }

  #retry(asked_ms: number | undefined): void {
    if (this.#options.isOnline?.() === false) {
      this.#set({ state: "offline" });
      return;
    }
    const most = Math.min(backoffMost_ms, backoffFirst_ms * 2 ** this.#tries);
    const wait = asked_ms ?? most / 2 + Math.random() * (most / 2);
    this.#tries += 1;
    this.#set({ state: "waiting", retryAt: Date.now() + wait });
    this.#retryTimer = setTimeout(() => this.connect(), wait);
  }

  /** Nothing heard for too long: the line is dead, whatever the socket says. */
  #watch(): void {
    clearTimeout(this.#silenceTimer);
    this.#silenceTimer = setTimeout(() => {
      if (!this.#socket) return;
      this.#drop();
      this.#retry(undefined);
    }, silenceTimeout_ms);
  }

  #drop(): void {
    clearTimeout(this.#silenceTimer);
    const socket = this.#socket;
    this.#socket = undefined;
    this.#started = false;
    socket?.close();
    const error = new ParleyError("closed", "the connection was lost");
    for (const waiting of this.#waiting.values()) {
      clearTimeout(waiting.timer);
      waiting.reject(error);
    }
    this.#waiting.clear();
  }

  #set(state: ConnectionState): void {
    this.#state = state;
    this.#options.onState(state);
  }
}
