/* The promise itself: what was acknowledged is stored, once, whenever the server is killed; and a listener that resumes each time has
   each event exactly once, in order. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Client, Server, type EventJson, type Person } from "./harness.ts";

const kills = Number(process.env["CRASH_KILLS"] ?? 50);

/** Sends numbered messages without end; a broken line is mended with the same nonce. Notes what was acknowledged. */
class Writer {
  acked = new Map<string, number>();
  #sent = 0;
  #stopped = false;
  #done: Promise<void>;
  readonly person: Person;
  readonly room: string;

  constructor(person: Person, room: string) {
    this.person = person;
    this.room = room;
    this.#done = this.#run();
  }

  async #run(): Promise<void> {
    let client: Client | undefined;
    while (!this.#stopped) {
      const text = `${this.person.name} ${String(this.#sent)}`;
      try {
        client ??= await this.person.connect();
        const reply = await client.send(this.room, text, text.replace(" ", "-"));
        const result = reply["result"] as { message: { seq: number } } | undefined;
        if (!result) throw new Error("again");
        this.acked.set(text, result.message.seq);
        this.#sent += 1;
      } catch {
        client?.close();
        client = undefined;
        await new Promise((done) => setTimeout(done, 5));
      }
    }
    client?.close();
  }

  stop(): Promise<void> {
    this.#stopped = true;
    return this.#done;
  }
}

/** Listens, and resumes by its cursor whenever the line breaks. */
class Listener {
  events: EventJson[] = [];
  cursor: string | undefined;
  resumes = 0;
  #client: Client | undefined;
  #stopped = false;
  #done: Promise<void> = Promise.resolve();
  readonly person: Person;

  constructor(person: Person) {
    this.person = person;
  }

  async begin(): Promise<void> {
    await this.#open();
    this.#done = this.#watch();
  }

  async #open(): Promise<void> {
    const client = await this.person.connect();
    client.onEvent = (event) => {
      if (event.cursor !== undefined) this.cursor = event.cursor;
      this.events.push(event);
    };
    await client.start(this.cursor);
    if (this.cursor !== undefined) {
      assert.equal(client.started["resumed"], true, JSON.stringify(client.started));
      this.resumes += 1;
    }
    this.cursor ??= client.started["cursor"] as string;
    this.#client = client;
  }

  async #watch(): Promise<void> {
    while (!this.#stopped) {
      if (this.#client?.closed) await this.#open().catch(() => undefined);
      await new Promise((done) => setTimeout(done, 5));
    }
  }

  logged(room: string): EventJson[] {
    return this.events.filter((event) => event.room === room && event.seq !== undefined);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#done;
    this.#client?.close();
  }
}

const pause = () => new Promise((done) => setTimeout(done, 20 + Math.random() * 120));

for (const loops of [1, 2]) {
  test(`${String(kills)} SIGKILLs with ${String(loops)} loops lose nothing that was acknowledged and double nothing`, async () => {
    const server = await Server.start([`--loops=${String(loops)}`, "--realtime.resume_max_events=1000000"]);
    const people = [await server.person("ann", "owner"), await server.person("bob"), await server.person("cleo")];
    const [ann, , cleo] = people as [Person, Person, Person];
    const rooms = [await ann.room("general"), await ann.makeRoom("second")];
    for (const person of people.slice(1)) await person.ask("POST", `/rooms/${rooms[1] ?? ""}/join`);
    const listener = new Listener(cleo);
    await listener.begin();
    const writers = people.flatMap((person) => [new Writer(person, rooms[people.indexOf(person) % 2] ?? "")]);
    for (let kill = 0; kill < kills; kill += 1) {
      await pause();
      await server.kill();
      await server.run();
    }
    await pause();
    for (const writer of writers) await writer.stop();

    for (const room of rooms) {
      const stored = await ann.history(room);
      const seqs = new Map(stored.map((message) => [message.text, message.seq]));
      assert.equal(seqs.size, stored.length, "a message is stored twice");
      for (const writer of writers.filter((one) => one.room === room))
        for (const [text, seq] of writer.acked) assert.equal(seqs.get(text), seq, `${text} was acknowledged with seq ${String(seq)}`);
      const newest = stored.at(-1)?.seq ?? 0;
      for (let tries = 0; tries < 1000 && (listener.logged(room).at(-1)?.seq ?? 0) < newest; tries += 1) await new Promise((done) => setTimeout(done, 10));
      const heard = listener.logged(room).map((event) => event.seq ?? 0);
      const first = heard[0] ?? 0;
      assert.deepEqual(heard, Array.from({ length: newest - first + 1 }, (_, index) => first + index), "the listener has a gap, a repeat or a wrong order");
    }
    await listener.stop();
    assert.ok(listener.resumes > kills / 2);
    assert.ok(writers.every((writer) => writer.acked.size > 0));
    assert.equal(await server.doctor(), "");
    await server.end();
  });
}
