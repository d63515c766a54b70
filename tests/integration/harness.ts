/* A real server in a temporary folder, and real clients for it: the command line, REST by fetch, WebSocket by `ws`. */
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { WebSocket, type PerMessageDeflateOptions } from "ws";

export const binary = process.env["PARLEY_BINARY"] ?? fileURLToPath(new URL("../../build/parley", import.meta.url));
const startLimit_ms = 30_000;
const waitLimit_ms = 20_000;

/* Cheap hashes: the tests are not about them. */
const cheap = ["--auth.argon2_memory_bytes=8192", "--auth.argon2_passes=1", "--limits.rate=off"];

/* What configures the test configures no server. */
export const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("PARLEY_")));

export type Json = Record<string, unknown>;

export interface Outcome {
  code: number | null;
  stdout: string;
  stderr: string;
}

export function cliIn(folder: string, words: string[], input?: string): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = execFile(binary, [...words, "--data", folder, "--auth.argon2_memory_bytes=8192", "--auth.argon2_passes=1"], { env: environment }, (_error, stdout, stderr) =>
      resolve({ code: child.exitCode, stdout, stderr }),
    );
    child.stdin?.on("error", () => undefined); /* a command that reads nothing may be gone before */
    child.stdin?.end(input ?? "");
  });
}

/** Waits until `probe` gives something that is not undefined or false; the error says what was waited for. */
export async function until<T>(what: string, probe: () => T | Promise<T>, limit_ms = waitLimit_ms): Promise<NonNullable<T>> {
  const end = Date.now() + limit_ms;
  for (;;) {
    const found = await probe();
    if (found !== undefined && found !== false && found !== null) return found;
    if (Date.now() > end) throw new Error(`waited in vain: ${what}`);
    await new Promise((done) => setTimeout(done, 10));
  }
}

export class Server {
  readonly folder: string;
  readonly options: string[];
  url = "";
  log = "";
  /** Another build of the server, and what its next start finds in its environment. */
  binary = binary;
  env: Record<string, string> = {};
  #child: ChildProcess | undefined;
  #exit: Promise<number | null> = Promise.resolve(null);
  #port = "0";

  private constructor(folder: string, options: string[]) {
    this.folder = folder;
    this.options = options;
  }

  /** Starts one in a fresh folder; `options` follow the cheap defaults. */
  static async start(options: string[] = []): Promise<Server> {
    const server = new Server(await mkdtemp(join(tmpdir(), "parley-")), options);
    await server.run();
    return server;
  }

  /** Starts it (again), on the port that it had. */
  async run(): Promise<void> {
    this.log = "";
    const child = spawn(this.binary, ["serve", "--data", this.folder, "--listen", `127.0.0.1:${this.#port}`, ...cheap, ...this.options], { env: { ...environment, ...this.env } });
    this.#child = child;
    this.#exit = new Promise((resolve) => child.on("exit", (code) => resolve(code)));
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (bytes: Buffer) => (this.log += bytes.toString()));
    const line = await until("the server to listen", () => /Parley listens on (\S+)/.exec(this.log) ?? (child.exitCode !== null ? ["", "exited"] : undefined), startLimit_ms);
    if (line[1] === "exited") throw new Error(`the server ended: ${this.log}`);
    this.url = line[1] ?? "";
    this.#port = new URL(this.url).port;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  async kill(): Promise<void> {
    this.#child?.kill("SIGKILL");
    await this.#exit;
  }

  /** It runs no more until unpause(); the kernel goes on taking what is sent to it. */
  pause(): void {
    this.#child?.kill("SIGSTOP");
  }

  unpause(): void {
    this.#child?.kill("SIGCONT");
  }

  /** Waits for its end; the exit code. */
  exited(): Promise<number | null> {
    return this.#exit;
  }

  /** SIGTERM; the exit code. */
  async stop(): Promise<number | null> {
    this.#child?.kill("SIGTERM");
    return this.#exit;
  }

  async end(): Promise<void> {
    await this.kill();
    await rm(this.folder, { recursive: true, force: true });
  }

  cli(...words: string[]): Promise<Outcome> {
    return cliIn(this.folder, words);
  }

  ownerLink(): Promise<string> {
    return readFile(join(this.folder, "owner-link"), "utf8").then((text) => text.trim());
  }

  /** A person with a bearer token. */
  async person(name: string, role = "member"): Promise<Person> {
    const made = await cliIn(this.folder, ["user", "add", name, "--role", role, "--password-stdin"], "correct horse\n");
    if (made.code !== 0) throw new Error(made.stderr);
    return new Person(this, name, await this.token(name));
  }

  async token(name: string): Promise<string> {
    const { stdout } = await this.cli("token", "create", "--user", name);
    return stdout.trim().split(" ").at(-1) ?? "";
  }

  async doctor(): Promise<string> {
    const { code, stdout } = await this.cli("doctor");
    return code === 0 ? "" : stdout;
  }
}

export interface Answer {
  status: number;
  headers: Headers;
  body: Json;
}

export async function ask(server: Server, method: string, path: string, options: { token?: string; body?: unknown; headers?: Record<string, string> } = {}): Promise<Answer> {
  const headers: Record<string, string> = { ...options.headers };
  if (options.token !== undefined) headers["authorization"] = `Bearer ${options.token}`;
  if (options.body !== undefined) headers["content-type"] ??= "application/json";
  const body = options.body === undefined ? {} : { body: typeof options.body === "string" ? options.body : JSON.stringify(options.body) };
  const response = await fetch(`${server.url}${path.startsWith("/api") ? path : `/api/v1${path}`}`, { method, headers, redirect: "manual", ...body });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text.startsWith("{") ? (JSON.parse(text) as Json) : { text } };
}

export interface RoomJson extends Json {
  id: string;
  seq: number;
  unread: number;
}
export interface MessageJson extends Json {
  id: string;
  seq: number;
  text: string;
}

export class Person {
  readonly server: Server;
  readonly name: string;
  readonly token: string;

  constructor(server: Server, name: string, token: string) {
    this.server = server;
    this.name = name;
    this.token = token;
  }

  ask(method: string, path: string, body?: unknown): Promise<Answer> {
    return ask(this.server, method, path, body === undefined ? { token: this.token } : { token: this.token, body });
  }

  async id(): Promise<string> {
    return ((await this.ask("GET", "/me")).body["user"] as { id: string }).id;
  }

  async rooms(): Promise<RoomJson[]> {
    return (await this.ask("GET", "/rooms")).body["rooms"] as RoomJson[];
  }

  async room(name: string): Promise<string> {
    const room = (await this.rooms()).find((one) => one["name"] === name);
    if (!room) throw new Error(`no room ${name}`);
    return room.id;
  }

  async makeRoom(name: string, isPrivate = false): Promise<string> {
    return ((await this.ask("POST", "/rooms", { name, private: isPrivate })).body["room"] as RoomJson).id;
  }

  send(room: string, text: string, nonce: string = crypto.randomUUID()): Promise<Answer> {
    return this.ask("POST", `/rooms/${room}/messages`, { nonce, text });
  }

  /** Every message that the person can read in the room, oldest first. */
  async history(room: string): Promise<MessageJson[]> {
    let all: MessageJson[] = [];
    let before = "";
    for (;;) {
      const { body, status } = await this.ask("GET", `/rooms/${room}/messages?limit=100${before && `&before=${before}`}`);
      if (status !== 200) throw new Error(JSON.stringify(body));
      all = [...(body["messages"] as MessageJson[]), ...all];
      if (body["next_cursor"] === null) return all;
      before = body["next_cursor"] as string;
    }
  }

  connect(): Promise<Client> {
    return Client.open(this.server, this.token);
  }

  /** Connected and started at the head, or at a cursor. */
  async listen(cursor?: string): Promise<Client> {
    const client = await this.connect();
    await client.start(cursor);
    return client;
  }
}

export interface EventJson {
  event: string;
  room?: string;
  seq?: number;
  cursor?: string;
  data: Json;
}

/** One WebSocket. Events pile up in `events`; `cursor` is the newest. */
export class Client {
  readonly socket: WebSocket;
  events: EventJson[] = [];
  cursor: string | undefined;
  started: Json = {};
  closed: { code: number; reason: string } | undefined;
  onEvent: ((event: EventJson) => void) | undefined;
  /** Called with session.start's result as it arrives; events that came in the same read follow. */
  onStarted: ((result: Json) => void) | undefined;
  #waiting = new Map<number, (reply: Json) => void>();
  #lastId = 0;

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on("message", (data: Buffer) => this.#hear(JSON.parse(data.toString()) as Json));
    socket.on("close", (code, reason) => {
      this.closed = { code, reason: reason.toString() };
      for (const resolve of this.#waiting.values()) resolve({ error: { code: "closed" } });
      this.#waiting.clear();
    });
    socket.on("error", () => undefined);
  }

  static open(server: Server, token?: string, headers: Record<string, string> = {}, perMessageDeflate: false | PerMessageDeflateOptions = false): Promise<Client> {
    const socket = new WebSocket(`${server.url.replace("http", "ws")}/api/v1/ws`, {
      headers: token === undefined ? headers : { ...headers, authorization: `Bearer ${token}` },
      perMessageDeflate,
      maxPayload: 0,
    });
    const client = new Client(socket);
    return new Promise((resolve, reject) => {
      socket.once("open", () => resolve(client));
      socket.once("unexpected-response", (_request, response) => reject(new Error(`status ${String(response.statusCode)}`)));
      socket.once("error", reject);
    });
  }

  #hear(message: Json): void {
    if (typeof message["event"] === "string") {
      const event = message as unknown as EventJson;
      if (event.cursor !== undefined) this.cursor = event.cursor;
      this.events.push(event);
      this.onEvent?.(event);
      return;
    }
    const resolve = this.#waiting.get(message["id"] as number);
    this.#waiting.delete(message["id"] as number);
    const result = message["result"] as Json | undefined;
    if (result && "resumed" in result) this.onStarted?.(result);
    resolve?.(message);
  }

  /** The whole reply, with `result` or `error`; error "closed" when the line broke first. */
  ask(method: string, params: Json = {}): Promise<Json> {
    this.#lastId += 1;
    const id = this.#lastId;
    if (this.closed) return Promise.resolve({ error: { code: "closed" } });
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      this.socket.send(JSON.stringify({ id, method, params }));
    });
  }

  async result(method: string, params: Json = {}): Promise<Json> {
    const reply = await this.ask(method, params);
    if (reply["result"] === undefined) throw new Error(`${method}: ${JSON.stringify(reply)}`);
    return reply["result"] as Json;
  }

  async code(method: string, params: Json = {}): Promise<string> {
    return ((await this.ask(method, params))["error"] as { code: string } | undefined)?.code ?? "ok";
  }

  async start(cursor?: string): Promise<Json> {
    this.started = await this.result("session.start", cursor === undefined ? {} : { cursor });
    this.cursor ??= this.started["cursor"] as string;
    return this.started;
  }

  send(room: string, text: string, nonce: string = crypto.randomUUID()): Promise<Json> {
    return this.ask("message.send", { room, text, nonce });
  }

  texts(room?: string): string[] {
    return this.events.filter((one) => one.event === "message.created" && (room === undefined || one.room === room)).map((one) => (one.data["message"] as MessageJson).text);
  }

  waitFor(what: string, match: (event: EventJson) => boolean): Promise<EventJson> {
    return until(what, () => this.events.find(match));
  }

  close(): void {
    this.socket.terminate();
  }
}
