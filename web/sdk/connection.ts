/* One connection to the server: a WebSocket, or where sockets are blocked an event stream with REST; resuming after every loss. */
import { ParleyError } from "./errors.ts";
import type { Operations, SessionStartResult } from "./generated.ts";
import type { Line, LineOwner, Loss, ServerEvent } from "./line.ts";
import { SocketLine, type SocketLike } from "./socket_line.ts";
import { StreamLine, type StreamOptions } from "./stream_line.ts";

export type ConnectionState =
  | { state: "connecting" }
  | { state: "open" }
  /** The next try is at `retryAt` (Unix ms); `cause` is why the last one failed, or why the line was lost. */
  | { state: "waiting"; retryAt: number; cause: ParleyError }
  /** Nothing is tried until connect() or the browser is online. */
  | { state: "offline" }
  /** The server ended the session: sign in again. */
  | { state: "ended"; code: number; cause: ParleyError };

/** The kind of line: a WebSocket, or Server-Sent Events with REST. */
export type Way = "socket" | "stream";

export interface ConnectionOptions {
  /** May throw where there are no sockets. */
  openSocket: () => SocketLike;
  /** What to fall back to; absent: sockets only. */
  stream?: StreamOptions;
  /** Asks by HTTP what is wrong where a socket did not open, which a socket does not tell; an event stream tells it itself. Undefined: HTTP goes well. */
  probe?: (() => Promise<ParleyError | undefined>) | undefined;
  /** A bearer token, where no cookie or header signs the socket in. */
  token?: string | undefined;
  /** Where the stream begins; absent: with the whole state. */
  cursor?: string | undefined;
  onState: (state: ConnectionState) => void;
  /** After every (re)connection, before the events that follow. */
  onStart: (result: SessionStartResult) => void;
  onEvent: (event: ServerEvent) => void;
  isOnline?: () => boolean;
}

/* So long a line may show no sign of life before it counts as blocked. */
const openTimeout_ms = 10_000;
/* The server sends a heartbeat every 25 s on a quiet session. */
const silenceTimeout_ms = 40_000;
const backoffFirst_ms = 500;
const backoffMost_ms = 30_000;
/* Sockets that did not get as far as a started stream, one after the other, until the event stream is tried. */
const socketFailuresMost = 2;
/* While an event stream works, sockets are left alone for so long. */
const socketRest_ms = 300_000;

export class Connection {
  readonly #options: ConnectionOptions;
  #line: Line | undefined;
  #way: Way = "socket";
  #state: ConnectionState = { state: "offline" };
  #cursor: string | undefined;
  #tries = 0;
  #socketFailures = 0;
  #socketRestsUntil = 0;
  #retryTimer: ReturnType<typeof setTimeout> | undefined;
  #silenceTimer: ReturnType<typeof setTimeout> | undefined;
  #started = false;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#cursor = options.cursor;
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** The way of the line that is open or opening, or was last. */
  get way(): Way {
    return this.#way;
  }

  /** The newest place in the stream; undefined before the first start. */
  get cursor(): string | undefined {
    return this.#cursor;
  }

  /** Connects now, whatever was planned. Does nothing while it is connecting or open. */
  connect(): void {
    clearTimeout(this.#retryTimer);
    if (this.#line) return;
    if (this.#options.isOnline?.() === false) {
      this.#set({ state: "offline" });
      return;
    }
    this.#set({ state: "connecting" });
    this.#started = false;
    this.#watch(this.#options.stream ? openTimeout_ms : silenceTimeout_ms);
    this.#line = this.#open(this.#nextWay());
  }

  /** Closes for good; connect() begins again, from the newest cursor. */
  close(): void {
    clearTimeout(this.#retryTimer);
    this.#drop();
    this.#set({ state: "offline" });
  }

  /** The next connection begins there. */
  resumeFrom(cursor: string): void {
    this.#cursor = cursor;
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

  /** Carries out one operation. Throws ParleyError: "closed", "network" and "timeout" leave open whether it was done. */
  request<N extends keyof Operations>(name: N, params: Operations[N]["params"]): Promise<Operations[N]["result"]> {
    if (!this.#line || !this.#started) return Promise.reject(new ParleyError("closed", "not connected"));
    return this.#line.request(name, params);
  }

  /* ---- which line ---- */

  #nextWay(): Way {
    if (!this.#options.stream) return "socket";
    const isResting = Date.now() < this.#socketRestsUntil;
    return isResting || this.#socketFailures >= socketFailuresMost ? "stream" : "socket";
  }

  #open(way: Way): Line {
    const { token, stream } = this.#options;
    this.#way = way;
    if (way === "socket") {
      try {
        return new SocketLine(this.#options.openSocket(), { token, cursor: this.#cursor }, this.#owner());
      } catch {
        this.#way = "stream"; /* there are no sockets here */
        this.#socketFailures = socketFailuresMost;
      }
    }
    return new StreamLine({ token, ...stream }, this.#cursor, this.#owner());
  }

  /** Whether sockets work is told by whether they got as far as a stream; a server that is down shows on both. */
  #countFailure(): void {
    if (this.#started) return;
    if (this.#way === "socket") {
      this.#socketFailures += 1;
    } else {
      this.#socketRestsUntil = 0;
      this.#socketFailures = socketFailuresMost - 1;
    }
  }

  #countSuccess(): void {
    const isStream = this.#way === "stream";
    this.#tries = 0;
    this.#socketFailures = isStream ? socketFailuresMost - 1 : 0;
    this.#socketRestsUntil = isStream ? Date.now() + socketRest_ms : 0;
  }

  /* ---- what the line tells ---- */

  #owner(): LineOwner {
    return {
      heard: () => this.#watch(silenceTimeout_ms),
      started: (result) => {
        this.#countSuccess();
        this.#started = true;
        this.#cursor = result.cursor;
        this.#options.onStart(result);
        this.#set({ state: "open" });
      },
      event: (event) => {
        if (event.cursor !== undefined) this.#cursor = event.cursor;
        if (event.event !== "heartbeat") this.#options.onEvent(event);
      },
      lost: (loss) => this.#lose(loss),
    };
  }

  #lose(loss: Loss): void {
    const before = this.#way;
    const wasStarted = this.#started;
    this.#countFailure();
    this.#drop();
    const turns = before === "socket" && this.#nextWay() === "stream"; /* at once: it is another way */
    if (loss.ended !== undefined) this.#set({ state: "ended", code: loss.ended, cause: loss.cause });
    else this.#retry(loss.cause, loss.retryAfter_ms ?? (turns ? 0 : undefined));
    if (!wasStarted) void this.#probe();
  }

  /** Tells a better cause of the wait, when there is one and it still waits for that. */
  async #probe(): Promise<void> {
    const waiting = this.#state;
    if (waiting.state !== "waiting" || !this.#options.probe) return;
    const cause = await this.#options.probe();
    if (cause && this.#state === waiting) this.#set({ ...waiting, cause });
  }

  #retry(cause: ParleyError, asked_ms: number | undefined): void {
    if (this.#options.isOnline?.() === false) {
      this.#set({ state: "offline" });
      return;
    }
    const most = Math.min(backoffMost_ms, backoffFirst_ms * 2 ** this.#tries);
    const wait = asked_ms ?? most / 2 + Math.random() * (most / 2);
    this.#tries += 1;
    this.#set({ state: "waiting", retryAt: Date.now() + wait, cause });
    this.#retryTimer = setTimeout(() => this.connect(), wait);
  }

  /** Nothing heard for too long: the line is dead, whatever the socket says. */
  #watch(limit_ms: number): void {
    clearTimeout(this.#silenceTimer);
    this.#silenceTimer = setTimeout(() => this.#lose({ cause: new ParleyError("timeout", "nothing was heard for too long") }), limit_ms);
  }

  #drop(): void {
    clearTimeout(this.#silenceTimer);
    const line = this.#line;
    this.#line = undefined;
    this.#started = false;
    line?.close();
  }

  #set(state: ConnectionState): void {
    this.#state = state;
    this.#options.onState(state);
  }
}
