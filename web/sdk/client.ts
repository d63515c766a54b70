/* A client of Parley in one call, for the browser and for Node 22 and newer; it has no dependency. */
import { Connection, type ConnectionState, type Way } from "./connection.ts";
import { isLasting, ParleyError } from "./errors.ts";
import type { Message, Operations, SessionStartResult } from "./generated.ts";
import type { EventName, ServerEvent } from "./line.ts";
import { createOutbox, makeNonce, type OutboxEntry, type OutboxStore } from "./outbox.ts";
import { rest } from "./rest.ts";
import type { SocketLike } from "./socket_line.ts";
import { memoryStore } from "./stores.ts";

export interface ConnectOptions {
  /** Where the server is, "https://chat.example.org"; in a browser the page's own server when left out. */
  url?: string;
  /** A bearer token (`parley token create`, or session.create with `token: true`); without it the browser's cookie counts. */
  token?: string;
  /** The cursor from which events are wanted, as an earlier client's `cursor` said; without it the stream begins now. */
  cursor?: string;
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
  resolve: (message: Message) => void;
  reject: (error: ParleyError) => void;
}

type Listener = (event: ServerEvent) => void;

export class Client {
  /** The first start of the stream. Rejected (ParleyError) by the first refusal that waiting does not mend: no such token, a host that the server does not answer for, not a Parley server. It is tried on, though, until close(), but for a token. */
  readonly ready: Promise<SessionStartResult>;
  readonly #connection: Connection;
  readonly #store: OutboxStore;
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
  on<N extends EventName>(name: N, listener: (event: ServerEvent<N>) => void): () => void;
  on(name: "*", listener: (event: ServerEvent) => void): () => void;
  on(name: string, listener: (event: never) => void): () => void {
    const all = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, all.add(listener as Listener));
    return () => void all.delete(listener as Listener);
  }

  /** Carries out one operation, by its name in docs/PROTOCOL.md. Throws ParleyError: "closed", "network" and "timeout" leave open whether it was done. */
  request<N extends keyof Operations>(name: N, params: Operations[N]["params"]): Promise<Operations[N]["result"]> {
    return this.#connection.request(name, params);
  }

  /** Sends a message once, however often the line breaks meanwhile; done when it is stored. Throws ParleyError when the server refuses it, and where nothing is sent any more: "closed" when it was taken on before and stays in the store, else why the session ended. */
  async send(room: string, text: string): Promise<Message> {
    if (this.#over) throw this.#over;
    const entry = { nonce: makeNonce(), room, text, created_at: new Date().toISOString() };
    const promised = Promise.withResolvers<Message>();
    await this.#store.put(entry);
    this.#promised.set(entry.nonce, promised);
    this.#entries.push(entry);
    if (this.#over) this.#leave();
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
    const left = await this.#store.all();
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
    for (const name of [event.event, "*"]) for (const listener of this.#listeners.get(name) ?? []) listener(event);
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
