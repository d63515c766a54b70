/* What the tests of /socket.io/ share: sockets of the unmodified socket.io-client, and requests as any client may write them. */
import assert from "node:assert/strict";
import { Agent } from "node:http";
import { io, type ManagerOptions, type Socket, type SocketOptions } from "socket.io-client";
import { until, type EventJson, type Json, type MessageJson, type Person, type Server } from "./harness.ts";

/** One socket, with what came by it. */
export class Caller {
  readonly socket: Socket;
  events: EventJson[] = [];
  offsets: unknown[] = [];
  ends: string[] = [];
  errors: (Error & { data?: Json })[] = [];
  static #all: Caller[] = [];

  /** What a test that failed left open would keep Node from ending. */
  static closeAll(): void {
    for (const caller of Caller.#all) caller.close();
  }

  constructor(server: Server, options: Partial<ManagerOptions & SocketOptions>, nsp = "/") {
    Caller.#all.push(this);
    this.socket = io(`${server.url}${nsp}`, { forceNew: true, reconnectionDelay: 50, reconnectionDelayMax: 200, ...options });
    this.socket.onAny((name: string, event: EventJson, ...rest: unknown[]) => {
      assert.equal(event.event, name, "the envelope names the event");
      this.events.push(event);
      this.offsets.push(rest[0]);
    });
    this.socket.on("disconnect", (reason) => this.ends.push(reason));
    this.socket.on("connect_error", (error) => this.errors.push(error as Error & { data?: Json }));
  }

  static async joined(server: Server, options: Partial<ManagerOptions & SocketOptions>, nsp = "/"): Promise<Caller> {
    const caller = new Caller(server, options, nsp);
    await until("session.started", () => caller.starts.length > 0);
    return caller;
  }

  get starts(): Json[] {
    return this.events.filter((one) => one.event === "session.started").map((one) => one.data);
  }

  texts(room?: string): string[] {
    return this.events.filter((one) => one.event === "message.created" && (room === undefined || one.room === room)).map((one) => (one.data["message"] as MessageJson).text);
  }

  /** An operation; its acknowledgement. */
  async ask(name: string, params?: unknown): Promise<{ result?: Json; error?: { code: string } & Json }> {
    return (await this.socket.timeout(20_000).emitWithAck(name, params)) as { result?: Json; error?: { code: string } & Json };
  }

  get way(): string {
    return this.socket.io.engine.transport.name;
  }

  say(room: string, text: string) {
    return this.ask("message.send", { room, text, nonce: crypto.randomUUID() });
  }

  close(): void {
    this.socket.disconnect();
  }
}

export const bearer = (person: Person, more: Json = {}) => ({ auth: { token: person.token, ...more } });

/** What a page of some site, or any other client, gets for one request. */
export async function raw(on: Server, query: string, options: { method?: string; body?: string; headers?: Record<string, string> } = {}): Promise<{ status: number; text: string; headers: Headers }> {
  const response = await fetch(`${on.url}/socket.io/?${query}`, { ...options, signal: AbortSignal.timeout(20_000) });
  return { status: response.status, text: await response.text(), headers: response.headers };
}

export async function openPolling(on: Server, headers: Record<string, string> = {}): Promise<string> {
  const { status, text } = await raw(on, "EIO=4&transport=polling", { headers });
  assert.equal(status, 200, text);
  return (JSON.parse(text.slice(1)) as { sid: string }).sid;
}

export const polling = (sid: string) => `EIO=4&transport=polling&sid=${sid}`;

/** A connection of its own for each request: they arrive on either loop. */
export const withoutKeepAlive = { agent: new Agent({ keepAlive: false }) as unknown as string };
