/* Socket.IO at /socket.io/: the unmodified socket.io-client over polling, WebSocket and the upgrade between them, with two
 * loops, so that the requests of one client arrive on either. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { io, type ManagerOptions, type Socket, type SocketOptions } from "socket.io-client";
import { Server, until, type EventJson, type Json, type MessageJson, type Person } from "./harness.ts";

/** One socket, with what came by it. */
class Caller {
  readonly socket: Socket;
  events: EventJson[] = [];
  offsets: unknown[] = [];
  ends: string[] = [];
  errors: (Error & { data?: Json })[] = [];

  constructor(server: Server, options: Partial<ManagerOptions & SocketOptions>, nsp = "/") {
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

  say(room: string, text: string) {
    return this.ask("message.send", { room, text, nonce: crypto.randomUUID() });
  }

  close(): void {
    this.socket.disconnect();
  }
}

let server: Server;
let ann: Person;
let bob: Person;
let general: string;
const bearer = (person: Person, more: Json = {}) => ({ auth: { token: person.token, ...more } });

before(async () => {
  server = await Server.start(["--loops=2", "--socketio.namespaces=/second,/third"]);
  ann = await server.person("ann", "owner");
  bob = await server.person("bob");
  general = await ann.room("general");
});
after(() => server.end());

const ways: [string, Partial<ManagerOptions>][] = [
  ["polling only", { transports: ["polling"] }],
  ["WebSocket only", { transports: ["websocket"] }],
  ["polling, then WebSocket", {}],
];
for (const [way, options] of ways) {
  describe(way, () => {
    test("operations are acknowledged, events keep their names, once and in order", async () => {
      const [one, other] = await Promise.all([Caller.joined(server, { ...options, ...bearer(ann) }), Caller.joined(server, { ...options, ...bearer(bob) })]);
      assert.ok((one.starts[0]?.["state"] as Json | undefined)?.["rooms"]);
      const sent = Array.from({ length: 20 }, (_, index) => `${way} ${String(index)}`);
      const replies = await Promise.all(sent.map((text) => one.say(general, text)));
      for (const reply of replies) assert.ok(reply.result?.["message"], JSON.stringify(reply));
      for (const caller of [one, other]) {
        await until("the messages", () => caller.texts().length >= sent.length);
        assert.deepEqual(caller.texts().sort(), [...sent].sort());
        const seqs = caller.events.filter((event) => event.event === "message.created").map((event) => event.seq ?? 0);
        assert.deepEqual(seqs, [...seqs].sort((a, b) => a - b));
        caller.close();
      }
    });
  });
}
