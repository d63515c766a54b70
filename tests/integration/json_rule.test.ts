/* One rule for the JSON of params, whatever carries it: the body of a REST request, `params` of a WebSocket's frame, the
 * second argument of a Socket.IO event. The texts are sent byte for byte, so no client library stands between. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { WebSocket } from "ws";
import { Server, until, type Json, type Person } from "./harness.ts";

/** A socket on which texts go out as they are; what comes in piles up. */
class Texts {
  readonly socket: WebSocket;
  private came: string[] = [];

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on("message", (data: Buffer) => this.came.push(data.toString()));
  }

  static async open(path: string): Promise<Texts> {
    const texts = new Texts(new WebSocket(`${server.url.replace("http", "ws")}${path}`, { headers: { authorization: `Bearer ${ann.token}` } }));
    await new Promise((resolve, reject) => texts.socket.once("open", resolve).once("error", reject));
    return texts;
  }

  /** The next message that begins with `head`, without it. */
  async next(head: string): Promise<string> {
    const found = await until(head, () => this.came.find((one) => one.startsWith(head)));
    this.came = this.came.filter((one) => one !== found);
    return found.slice(head.length);
  }

  async ask(text: string, head: string): Promise<string> {
    this.socket.send(text);
    return this.next(head);
  }

  close(): void {
    this.socket.terminate();
  }
}

let server: Server;
let ann: Person;
let plain: Texts;
let packets: Texts;

before(async () => {
  server = await Server.start();
  ann = await server.person("ann", "owner");
  plain = await Texts.open("/api/v1/ws");
  packets = await Texts.open("/socket.io/?EIO=4&transport=websocket");
  await packets.next("0");
  await packets.ask("40", "40");
});
after(async () => {
  plain.close();
  packets.close();
  assert.equal(await server.doctor(), "");
  await server.end();
});

const codeOf = (error: unknown): string => ((error as Json | undefined)?.["code"] as string | undefined) ?? "ok";

/** The error codes of an operation asked for by REST, WebSocket and Socket.IO. */
async function codes(path: string, name: string, params: string | undefined): Promise<string[]> {
  const { status, body } = await ann.ask("POST", path, params);
  const reply = JSON.parse(await plain.ask(`{"id":1,"method":"${name}"${params === undefined ? "" : `,"params":${params}`}}`, "")) as Json;
  const [acknowledged] = JSON.parse(await packets.ask(`421["${name}"${params === undefined ? "" : `,${params}`}]`, "431")) as [Json];
  return [status < 300 ? "ok" : codeOf(body), codeOf(reply["error"]), codeOf(acknowledged["error"])];
}

/** An object with lists in it, `depth` levels with its own. */
const deep = (depth: number): string => `{"more":${"[".repeat(depth - 1)}${"]".repeat(depth - 1)}}`;

const cases: [string, string | undefined, string][] = [
  ["nothing", undefined, "ok"],
  ["null", "null", "ok"],
  ["an empty object", "{}", "ok"],
  ["members that are not known", '{"more":1,"params":null}', "ok"],
  ["white space", " \n{ }\t", "ok"],
  ["an empty list", "[]", "invalid_request"],
  ["a list with an object", "[{}]", "invalid_request"],
  ["a number", "1", "invalid_request"],
  ["a fraction", "-1.5e3", "invalid_request"],
  ["a string", '"x"', "invalid_request"],
  ["an object in a string", '"{}"', "invalid_request"],
  ["a truth", "true", "invalid_request"],
  ["an untruth", "false", "invalid_request"],
  ["nesting of 15", deep(15), "ok"],
  ["nesting of 16", deep(16), "ok"],
  ["nesting of 17", deep(17), "invalid_json"],
  ["nesting of 18", deep(18), "invalid_json"],
  ["nesting of 200", deep(200), "invalid_json"],
  ["lists of 16", deep(17).slice(8, -1), "invalid_request"],
  ["lists of 17", deep(18).slice(8, -1), "invalid_json"],
  ["a key twice", '{"more":1,"more":1}', "invalid_json"],
  ["a key twice, once escaped", '{"more":1,"mor\\u0065":1}', "invalid_json"],
  ["a key twice, deep inside", '{"more":[{"a":1,"a":2}]}', "invalid_json"],
  ["the greatest whole number", '{"more":9223372036854775807}', "ok"],
  ["2^63", '{"more":9223372036854775808}', "invalid_json"],
  ["2^63 alone", "9223372036854775808", "invalid_json"],
  ["a number beyond all", '{"more":1e999}', "invalid_json"],
  ["half a surrogate pair", '{"more":"\\ud800"}', "invalid_json"],
  ["half a surrogate pair alone", '"\\udc00"', "invalid_json"],
  ["a whole surrogate pair", '{"more":"\\ud83d\\ude00"}', "ok"],
  ["NUL in a string", '{"more":"a\\u0000b"}', "invalid_json"],
  ["NUL in a name", '{"mo\\u0000re":1}', "invalid_json"],
  ["a bare line end in a string", '{"more":"a\nb"}', "invalid_json"],
  ["an unknown escape", '{"more":"\\x41"}', "invalid_json"],
  ["a comma at the end", '{"more":1,}', "invalid_json"],
  ["a leading zero", '{"more":01}', "invalid_json"],
  ["a comment", "{/**/}", "invalid_json"],
  ["no word of JSON", "nul", "invalid_json"],
];

for (const [what, params, code] of cases)
  test(`one answer by REST, WebSocket and Socket.IO: ${what}`, async () => {
    assert.deepEqual(await codes("/tickets", "ticket.create", params), [code, code, code]);
    const missing = code === "ok" ? "missing_field" : code;
    assert.deepEqual(await codes("/rooms", "room.create", params), [missing, missing, missing], "where a member is required");
  });

test("an operation that is not there is told before its params", async () => {
  assert.deepEqual(await codes("/nothing", "no.such", "[]"), ["unknown_operation", "unknown_operation", "unknown_operation"]);
});

test("a frame that is JSON but no request is invalid_request", async () => {
  for (const [frame, code] of [
    ["null", "invalid_request"], ["[]", "invalid_request"], ['"x"', "invalid_request"], ["7", "invalid_request"], ["true", "invalid_request"], ["{}", "invalid_request"],
    ["", "invalid_json"], ["{", "invalid_json"], ["nul", "invalid_json"], ['{"id":1,"id":1}', "invalid_json"],
  ] as const) {
    const reply = JSON.parse(await plain.ask(frame, "")) as Json;
    assert.deepEqual([reply["id"], codeOf(reply["error"])], [null, code], frame);
  }
});

/* ---- session.start: by WebSocket an operation, by Socket.IO the payload of the joining ---- */

const starts: [string, string, string | undefined][] = [
  ["[]", "invalid_request", undefined],
  ["5", "invalid_request", undefined],
  ['"x"', "invalid_request", undefined],
  ['{"rooms":[]}', "invalid_field", "rooms"],
  ['{"rooms":5}', "invalid_field", "rooms"],
  ['{"rooms":{}}', "invalid_field", "rooms"],
  ['{"rooms":["x"]}', "invalid_field", "rooms"],
  ['{"rooms":[7]}', "invalid_field", "rooms"],
  [`{"rooms":[${Array.from({ length: 101 }, () => `"${crypto.randomUUID()}"`).join()}]}`, "invalid_field", "rooms"],
  ['{"cursor":7}', "invalid_field", "cursor"],
  [`{"cursor":"${"x".repeat(129)}"}`, "invalid_field", "cursor"],
  ['{"cursor":"a\\u0007"}', "invalid_field", "cursor"],
];

test("the auth payload of Socket.IO is held to what session.start by WebSocket is", async () => {
  for (const [params, code, field] of starts) {
    const reply = JSON.parse(await plain.ask(`{"id":1,"method":"session.start","params":${params}}`, "")) as Json;
    const error = reply["error"] as Json;
    assert.deepEqual([error["code"], error["field"]], [code, field], params);
    const other = await Texts.open("/socket.io/?EIO=4&transport=websocket");
    await other.next("0");
    const refused = JSON.parse(await other.ask(`40${params}`, "44")) as { message: string; data: Json };
    assert.deepEqual(refused, { message: error["message"], data: error }, params);
    other.close();
  }
});

test("nothing, null and members of null start a session by Socket.IO", async () => {
  for (const params of ["", "null", "{}", '{"rooms":null,"cursor":null,"more":1}']) {
    const other = await Texts.open("/socket.io/?EIO=4&transport=websocket");
    await other.next("0");
    await other.ask(`40${params}`, "40");
    assert.match(await other.next('42["session.started",'), /"resumed":false/);
    other.close();
  }
});

test("the offset of a state to recover is held to what a cursor is", async () => {
  for (const offset of ["x".repeat(129), "a\u0007"]) {
    const other = await Texts.open("/socket.io/?EIO=4&transport=websocket");
    await other.next("0");
    const refused = JSON.parse(await other.ask(`40${JSON.stringify({ pid: "p", offset, cursor: "" })}`, "44")) as { data: Json };
    assert.deepEqual([refused.data["code"], refused.data["field"]], ["invalid_field", "cursor"]);
    other.close();
  }
});
