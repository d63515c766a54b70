/* Debian's python3-socketio, unmodified, over both transports and the upgrade between them. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Server, type Person } from "./harness.ts";

/* The distribution's Python: it has the packages. */
const python = "/usr/bin/python3";
const script = fileURLToPath(new URL("python_socketio/chat.py", import.meta.url));

let server: Server;
let ann: Person;

before(async () => {
  server = await Server.start(["--loops=2", "--socketio.namespaces=/second"]);
  ann = await server.person("ann", "owner");
});
after(() => server.end());

describe("python-socketio", { concurrency: true }, () => {
  for (const [way, transport] of [["polling", "polling"], ["websocket", "websocket"], ["both", "websocket"]] as const) {
    test(way, async () => {
      const { stdout } = await promisify(execFile)(python, [script, server.url, ann.token, await ann.makeRoom(way), way], { timeout: 120_000 });
      const seen = JSON.parse(stdout) as Record<string, unknown>;
      assert.equal(seen["transport"], transport);
      assert.ok((seen["seq"] as number) > 0);
      assert.equal(seen["unknown"], "unknown_operation");
      assert.equal(seen["binary"], "invalid_request");
      assert.equal(seen["resumed"], true);
      assert.deepEqual(seen["texts"], [`${way} from Python`]);
      assert.equal(seen["stranger"], "Sign in first");
      assert.equal(seen["nowhere"], "Invalid namespace");
    });
  }
});
