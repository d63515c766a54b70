/* A client of Parley in one call, for the browser and for Node 22 and newer; it has no dependency. */
import { Connection, type ConnectionState, type Way } from "./connection.ts";
import { isLasting, ParleyError } from "./errors.ts";
import type { Message, Operations, SessionStartResult } from "./generated.ts";
import type { EventName, ServerEvent } from "./line.ts";
import { createOutbox, makeNonce, type OutboxEntry, type OutboxStore } from "./outbox.ts";
import { rest } from "./rest.ts";
import type { SocketLike } from "./socket_line.ts";
import { memoryStore, type CursorStore } from "./stores.ts";

export interface ConnectOptions {
  /** Where the server is, "https://chat.example.org"; in a browser the page's own server when left out. */
  url?: string;
  /** A bearer token (`parley token create`, or session.create with `token: true`); without it the browser's cookie counts. */
  token?: string;
  /** The cursor from which events are wanted, as an earlier client's `cursor` said; without it the stream begins now. */
  cursor?: string;
  /** Where the place in the stream is kept: what it has counts before `cursor`. Written when the listeners are done with an event, the promises that they returned too. */
  cursorStore?: CursorStore;
  /** Where messages wait until they are stored; in memory when left out. One account a store. */
  store?: OutboxStore;
  /** "stream" never tries a WebSocket, "socket" nothing else. */
  way?: Way | "auto";
  /** Opens event streams by a single-use ticket, where an Authorization header would not arrive. */
  useTicket?: boolean;
  /** Told whenever the connection comes and goes; `cause` of "waiting" and "ended" says why. */
  onState?: (state: ConnectionState) => void;
  /** Told after every (re)connection, before the events that follow. `resumed: false` comes with the state to begin from. */
  onStart?: (result: SessionStartResult) => void;
  /** Another WebSocket than the platform's. */
  openSocket?: (url: string) => SocketLike;
}

interface Promised {
  promise: Promise<Message>;
  resolve: (message: Message) => void;
  reject: (error: ParleyError) => void;
}

/** A promise that it returns is waited for before the cursor store has the place after the event; one that is rejected holds the place where it is. */
type Listener = (event: ServerEvent) => unknown;

export class Client {
  /** The first start of the stream. Rejected (ParleyError) by the first refusal that waiting does not mend: no such token, a host that the server does not answer for, not a Parley server. It is tried on, though, until close(), but for a token. */
  readonly ready: Promise<SessionStartResult>;
  readonly #connection: Connection;
  readonly #store: OutboxStore;
  readonly #cursorStore: CursorStore | undefined;
  /** Done when all events until now are. */
  #handled: Promise<unknown> = Promise.resolve();
  readonly #outbox: ReturnType<typeof createOutbox<OutboxEntry>>;
  readonly #listeners = new Map<string, Set<Listener>>();
  readonly #promised = new Map<string, Promised>();
  #entries: OutboxEntry[] = [];
  /** Why nothing is taken on any more. */
  #over: ParleyError | undefined;

  constructor(options: ConnectOptions) {
    const ready = Promise.withResolvers<SessionStartResult>();
    this.ready = ready.promise;
    ready.promise.catch(() => undefined); /* who does not ask is not told */
    this.#store = options.store ?? memoryStore();
    this.#cursorStore = options.cursorStore;
    this.#connection = new Connection({
      ...linesOf(options),
      token: options.token,
      cursor: options.cursor,
      onState: (state) => {
        options.onState?.(state);
        if (state.state === "waiting" && isLasting(state.cause)) ready.reject(state.cause);
        if (state.state === "ended") {
          ready.reject(state.cause);
          this.#finish(state.cause);
        }
        if (state.state === "open") void this.#outbox.flush();
      },
      onStart: (result) => {
        options.onStart?.(result);
        this.#keep(result.cursor, []);
        ready.resolve(result);
      },
      onEvent: (event) => this.#tell(event),
    });
    this.#outbox = createOutbox({
      store: this.#store,
      waiting: () => (this.#over ? [] : this.#entries),
      send: async ({ room, nonce, text }) => (await this.request("message.send", { room, nonce, text })).message,
      onStored: (message, nonce) => this.#settle(nonce)?.resolve(message),
      onGone: (nonce) => void this.#settle(nonce),
      onFailed: (nonce, error) => {
        void this.#store.delete(nonce);
        this.#settle(nonce)?.reject(error);
      },
    });
    void this.#begin();
  }

  /** How the connection is. */
  get state(): ConnectionState {
    return this.#connection.state;
  }

  /** Over what it goes: a WebSocket, or an event stream with REST. */
  get way(): Way {
    return this.#connection.way;
  }

  /** The place after the newest event that was handed on; keep it to resume from it later. */
  get cursor(): string | undefined {
    return this.#connection.cursor;
  }

  /** Calls `listener` for every such event ("*": all), in order, until the returned function is called. */
  on<N extends EventName>(name: N, listener: (event: ServerEvent<N>) => unknown): () => void;
  on(name: "*", listener: (event: ServerEvent) => unknown): () => void;
  on(name: string, listener: (event: never) => unknown): () => void {
    const all = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, all.add(listener as Listener));
    return () => void all.delete(listener as Listener);
  }

  /** Carries out one operation, by its name in docs/PROTOCOL.md. Throws ParleyError: "closed", "network" and "timeout" leave open whether it was done. */
  request<N extends keyof Operations>(name: N, params: Operations[N]["params"]): Promise<Operations[N]["result"]> {
    return this.#connection.request(name, params);
  }

  /** Sends a message once, however often the line breaks meanwhile; done when it is stored. A `nonce` made from what is answered makes it one
      message even where the same answer is given again, by a later process too (1 to 64 printable ASCII characters). Throws ParleyError when the server
      refuses it, and where nothing is sent any more: "closed" when it was taken on before and stays in the store, else why the session ended. */
  async send(room: string, text: string, nonce = makeNonce()): Promise<Message> {
    if (this.#over) throw this.#over;
    const before = this.#promised.get(nonce);
    if (before) return before.promise;
    const entry = { nonce, room, text, created_at: new Date().toISOString() };
    const promised = Promise.withResolvers<Message>();
    promised.promise.catch(() => undefined); /* it may be rejected before it is returned */
    this.#promised.set(nonce, promised);
    await this.#store.put(entry).catch((failure: unknown) => {
      this.#promised.delete(nonce);
      throw failure;
    });
    this.#entries.push(entry);
    void this.#outbox.flush();
    return promised.promise;
  }

  /** Ends it. What waits in the store is sent by the next client on it. */
  close(): void {
    this.#finish(new ParleyError("closed", "the client was closed"));
    this.#connection.close();
  }

  /** Sends nothing more. */
  #finish(why: ParleyError): void {
    this.#over ??= why;
    this.#outbox.stop();
    this.#leave();
  }

  /** What waits stays in the store; who waits for it is told so. */
  #leave(): void {
    const error = new ParleyError("closed", "not sent, as far as is known; it stays in the store");
    for (const promised of this.#promised.values()) promised.reject(error);
    this.#promised.clear();
  }

  /** What an earlier client left in the store goes first. */
  async #begin(): Promise<void> {
    const [left, cursor] = await Promise.all([this.#store.all(), this.#cursorStore?.load()]);
    if (cursor !== undefined) this.#connection.resumeFrom(cursor);
    const known = new Set(this.#entries.map((entry) => entry.nonce));
    this.#entries = [...left.filter((entry) => !known.has(entry.nonce)), ...this.#entries];
    if (!this.#over) this.#connection.connect();
  }

  #settle(nonce: string): Promised | undefined {
    const promised = this.#promised.get(nonce);
    this.#promised.delete(nonce);
    this.#entries = this.#entries.filter((entry) => entry.nonce !== nonce);
    return promised;
  }

  #tell(event: ServerEvent): void {
    const done = [event.event, "*"].flatMap((name) => [...(this.#listeners.get(name) ?? [])].map((listener) => listener(event)));
    this.#keep(event.cursor, done);
  }

  /** Keeps the place after an event once it is handled, and all before it. */
  #keep(cursor: string | undefined, done: unknown[]): void {
    if (!this.#cursorStore || cursor === undefined) return;
    this.#handled = Promise.all([this.#handled, ...done]).then(() => {
      if (!this.#over) void this.#cursorStore?.save(cursor);
    });
  }
}

function linesOf(options: ConnectOptions) {
  const baseUrl = (options.url ?? globalThis.location?.origin ?? "").replace(/\/$/, "");
  const address = `${baseUrl.replace(/^http/, "ws")}/api/v1/ws`;
  const openSocket = () => {
    if (options.way === "stream") throw new Error("no socket is wanted");
    return options.openSocket?.(address) ?? (new WebSocket(address) as SocketLike);
  };
  if (options.way !== "socket") return { openSocket, stream: { baseUrl, useTicket: options.useTicket } };
  const probe = () => rest("user.me", {}, { baseUrl, token: options.token }).then(() => undefined, (failure: unknown) => failure as ParleyError);
  return { openSocket, probe };
}

/** Connects, and stays connected until close(): add listeners, then await `ready`. */
export function connect(options: ConnectOptions = {}): Client {
  return new Client(options);
}
