/* Streams under stress: a tiny ring, sessions that come, stall and go, people who join and leave while four write in three rooms. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Server, until, type Client, type EventJson, type Person } from "./harness.ts";

const wait = (ms: number) => new Promise((done) => setTimeout(done, ms));

/** Checks one stream as it comes: events of rooms only while inside, seqs without gap or repeat from the joining on, cursors that rise. */
class Watcher {
  rooms = new Map<string, number>(); /* room → last seq, or -1: not heard of since joining */
  problems: string[] = [];
  cursor: string | undefined;
  count = 0;
  #pos = 0;

  take(started: { resumed?: boolean; state?: { rooms: { id: string; seq: number }[] }; cursor?: string }): void {
    if (started.state) this.rooms = new Map(started.state.rooms.map((room) => [room.id, room.seq]));
    this.cursor = started.cursor;
    this.#pos = Number(started.cursor?.split(":")[1]);
  }

  hear(event: EventJson): void {
    if (event.cursor !== undefined) {
      const pos = Number(event.cursor.split(":")[1]);
      if (event.event !== "heartbeat" && pos <= this.#pos) this.problems.push(`pos ${String(pos)} after ${String(this.#pos)}`);
      this.#pos = pos;
      this.cursor = event.cursor;
    }
    const room = event.room ?? "";
    if (event.event === "room.joined") this.rooms.set(room, -1);
    else if (event.event === "room.left") this.rooms.delete(room);
    else if (event.seq !== undefined) {
      this.count += 1;
      const last = this.rooms.get(room);
      if (last === undefined) this.problems.push(`event of a room that one is not in: ${JSON.stringify(event).slice(0, 200)}`);
      else if (last !== -1 && event.seq !== last + 1) this.problems.push(`seq ${String(event.seq)} after ${String(last)}`);
      this.rooms.set(room, event.seq);
    }
  }
}

async function follow(person: Person, watcher: Watcher): Promise<Client> {
  const client = await person.connect();
  client.onEvent = (event) => watcher.hear(event);
  const cursor = watcher.cursor;
  client.onStarted = (started) => watcher.take(started);
  await client.start(cursor);
  return client;
}

for (const batch of ["io_uring", "writev"]) {
  for (const loops of [1, 2]) {
    test(`streams stay exact with ${batch} and ${String(loops)} loops`, async (t) => {
      const server = await Server.start([`--net.send_batch=${batch}`, `--loops=${String(loops)}`, "--realtime.ring_bytes=8192", "--realtime.resume_max_events=1000000"]);
      t.after(() => server.end());
      const writers: Person[] = [];
      for (const name of ["ann", "bob", "cleo", "dora"]) writers.push(await server.person(name, name === "ann" ? "owner" : "member"));
      const guests: Person[] = [];
      for (const name of ["eve", "finn", "gus"]) guests.push(await server.person(name));
      const ann = writers[0] as Person;
      const rooms = [await ann.room("general"), await ann.makeRoom("two"), await ann.makeRoom("three")];
      for (const person of writers.slice(1)) for (const room of rooms.slice(1)) await person.ask("POST", `/rooms/${room}/join`);

      let running = true;
      const writing = writers.map(async (person, index) => {
        const client = await person.connect();
        for (let count = 0; running; count += 1) {
          await Promise.all([0, 1, 2].map((extra) => client.send(rooms[(count + extra) % 3] ?? "", `${person.name} ${String(index)} ${String(count)}`)));
        }
        client.close();
      });
      const moving = guests.map(async (person, index) => {
        const id = await person.id();
        for (let count = 0; running; count += 1) {
          const room = rooms[1 + ((count + index) % 2)] ?? "";
          await person.ask("POST", `/rooms/${room}/join`);
          await wait(Math.random() * 20);
          if (count % 2) await person.ask("POST", `/rooms/${room}/leave`);
          else await ann.ask("DELETE", `/rooms/${room}/members/${id}`);
        }
      });
      const watchers = guests.map(() => new Watcher());
      const listening = guests.map(async (person, index) => {
        const watcher = watchers[index] as Watcher;
        while (running) {
          const client = await follow(person, watcher);
          await wait(Math.random() * 150);
          if (Math.random() < 0.5) {
            client.socket.pause(); /* stalls: falls off the ring */
            await wait(Math.random() * 100);
            client.socket.resume();
            await wait(Math.random() * 50);
          }
          client.socket.terminate();
          client.onEvent = undefined;
        }
      });
      await wait(6000);
      running = false;
      await Promise.all([...writing, ...moving, ...listening]);
      for (const watcher of watchers) {
        assert.deepEqual(watcher.problems.slice(0, 5), []);
        assert.ok(watcher.count > 100, `only ${String(watcher.count)} events`);
      }
      assert.equal(await server.doctor(), "");
    });
  }
}

test("a member that stops reading is closed with 4001 at queue_bytes, the others are served, and it resumes whole", async (t) => {
  const server = await Server.start(["--net.queue_bytes=262144", "--net.close_timeout_ms=60000", "--realtime.resume_max_events=1000000"]);
  t.after(() => server.end());
  const ann = await server.person("ann", "owner");
  const bob = await server.person("bob");
  const cleo = await server.person("cleo");
  const room = await ann.room("general");
  const [slow, quick] = [await bob.listen(), await cleo.listen()];
  slow.socket.pause();
  const text = "x".repeat(3000);
  const total = 4000;
  const client = await ann.connect();
  for (let count = 0; count < total; count += 20) await Promise.all(Array.from({ length: 20 }, () => client.send(room, text)));
  await until("everything at the quick one", () => quick.texts().length === total);
  slow.socket.resume();
  await until("the close", () => slow.closed);
  assert.equal(slow.closed?.code, 4001);
  const before = slow.texts().length;
  assert.ok(before < total);
  const again = await bob.listen(slow.cursor);
  assert.equal(again.started["resumed"], true);
  await until("the rest", () => again.texts().length === total - before, 60_000);
  client.close();
});
