/* The power is cut under the whole server: the test build puts SQLite on a VFS that, when the cut comes, loses writes that were not
   synced, in part, in any order and torn at sector size. What was acknowledged must be there; without the fsync of each commit it is not. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Server, type Client, type Person } from "./harness.ts";

const binary = process.env["PARLEY_POWERCUT_BINARY"] ?? "build/tests/powercut/parley-powercut";
const cuts = Number(process.env["POWERCUTS"] ?? 50);
const powercutExit = 77;

/** Numbers of a seed, so that a failure can be run again: POWERCUT_SEED=… */
class Random {
  state: number;

  constructor(seed: number) {
    this.state = seed;
  }

  below(limit: number): number {
    this.state = (Math.imul(this.state, 1664525) + 1013904223) >>> 0;
    return Math.floor((this.state / 2 ** 32) * limit);
  }
}

class Trial {
  readonly server: Server;
  readonly random: Random;
  readonly acked = new Set<string>();
  #people: Person[] = [];
  #room = "";
  #sent = 0;

  private constructor(server: Server, random: Random) {
    this.server = server;
    this.random = random;
  }

  static async start(seed: number, options: string[]): Promise<Trial> {
    const server = await Server.start(options);
    server.binary = binary;
    const trial = new Trial(server, new Random(seed));
    trial.#people = [await server.person("ann", "owner"), await server.person("bob"), await server.person("cleo")];
    trial.#room = await (trial.#people[0] as Person).room("general");
    await server.stop();
    return trial;
  }

  async #write(client: Client): Promise<void> {
    while (!client.closed) {
      this.#sent += 1;
      const text = `message ${String(this.#sent)}`;
      const reply = await client.send(this.#room, text, text);
      if (reply["result"]) this.acked.add(text);
    }
  }

  /** Starts on the VFS, writes until the cut. A cut may come in the start itself. */
  async cut(): Promise<void> {
    this.server.env = { PARLEY_TEST_VFS: `${String(this.random.below(1e9))}:${String(20 + this.random.below(600))}` };
    try {
      await this.server.run();
      const clients = await Promise.all(this.#people.map((person) => person.connect()));
      await Promise.all(clients.map((client) => this.#write(client)));
    } catch (error) {
      assert.ok(error instanceof Error);
    }
    assert.equal(await this.server.exited(), powercutExit, this.server.log);
  }

  /** What was acknowledged and is not stored once; and what the doctor says. */
  async lost(): Promise<string[]> {
    this.server.env = {};
    await this.server.run();
    const stored = (await (this.#people[0] as Person).history(this.#room)).map((message) => message.text);
    const counts = new Map<string, number>();
    for (const text of stored) counts.set(text, (counts.get(text) ?? 0) + 1);
    return [...this.acked].filter((text) => counts.get(text) !== 1);
  }
}

test(`${String(cuts)} power cuts lose nothing that was acknowledged`, async (t) => {
  const seed = Number(process.env["POWERCUT_SEED"] ?? Date.now() % 1e9);
  const trial = await Trial.start(seed, []);
  t.after(() => trial.server.end());
  for (let count = 0; count < cuts; count += 1) await trial.cut();
  assert.deepEqual(await trial.lost(), [], `POWERCUT_SEED=${String(seed)}`);
  assert.equal(await trial.server.doctor(), "", `POWERCUT_SEED=${String(seed)}`);
  assert.ok(trial.acked.size > cuts, `only ${String(trial.acked.size)} messages were acknowledged`);
});

for (const synchronous of ["normal", "off"]) {
  test(`the same with store.synchronous=${synchronous} loses messages: the test sees what fsync is for`, async (t) => {
    let damage = "";
    for (let tries = 0; tries < 10 && damage === ""; tries += 1) {
      const trial = await Trial.start(tries, [`--store.synchronous=${synchronous}`]);
      t.after(() => trial.server.end());
      for (let count = 0; count < 3; count += 1) await trial.cut();
      const lost = await trial.lost().catch((error: unknown) => String(error));
      if (typeof lost === "string") assert.match(lost, /the server ended/); /* it does not even start on what the cut left */
      damage = typeof lost === "string" ? lost : lost.length > 0 ? `${String(lost.length)} messages` : await trial.server.doctor();
    }
    t.diagnostic(`lost: ${damage}`);
    assert.notEqual(damage, "", "nothing was lost");
  });
}
