/* Bytes as they are, over a socket of our own: what no HTTP or WebSocket library would send. */
import { createHash } from "node:crypto";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { type Server, until } from "./harness.ts";

/* RFC 6455 section 1.3. */
const handshakeGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

export class Line {
  readonly socket: Socket;
  bytes: Buffer = Buffer.alloc(0);
  ended = false;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (bytes: Buffer) => (this.bytes = Buffer.concat([this.bytes, bytes])));
    for (const end of ["end", "close"]) socket.on(end, () => (this.ended = true));
    socket.on("error", () => (this.ended = true));
  }

  static open(url: string): Promise<Line> {
    const { hostname, port } = new URL(url);
    return new Promise((resolve, reject) => {
      const socket = connect({ port: Number(port), host: hostname, allowHalfOpen: true }, () => resolve(new Line(socket)));
      socket.once("error", reject);
    });
  }

  get text(): string {
    return this.bytes.toString("latin1");
  }

  /** The status of every answer so far. */
  get statuses(): number[] {
    return [...this.text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((match) => Number(match[1]));
  }

  write(bytes: string | Buffer): void {
    this.socket.write(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes);
  }

  async end(): Promise<void> {
    await until("the server to close the connection", () => this.ended);
    this.socket.destroy();
  }

  close(): void {
    this.socket.destroy();
  }
}

/** Sends the bytes and waits for the server to close; all that it answered. */
export async function exchange(server: Server, bytes: string | Buffer): Promise<Line> {
  const line = await Line.open(server.url);
  line.write(bytes);
  await line.end();
  return line;
}

export interface Frame {
  final: boolean;
  compressed: boolean;
  opcode: number;
  payload: Buffer;
}

export const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 };

/** A client's frame; `first` replaces the first byte, `masked: false` breaks the rule that clients mask. */
export function frame(opcode: number, payload: Buffer | string = "", options: { first?: number; masked?: boolean; length?: Buffer } = {}): Buffer {
  const data = Buffer.from(payload);
  const mask = Buffer.from([0x11, 0x22, 0x33, 0x44]);
  const masked = options.masked ?? true;
  const bit = masked ? 0x80 : 0;
  const wide = Buffer.alloc(2);
  wide.writeUInt16BE(data.length & 0xffff);
  const length = options.length ?? (data.length < 126 ? Buffer.from([data.length]) : Buffer.concat([Buffer.from([126]), wide]));
  const second = Buffer.from([(length[0] ?? 0) | bit]);
  const body = masked ? Buffer.concat([mask, data.map((byte, at) => byte ^ (mask[at % 4] ?? 0))]) : data;
  return Buffer.concat([Buffer.from([options.first ?? 0x80 | opcode]), second, length.subarray(1), body]);
}

/** A WebSocket by hand: the handshake is checked, frames come as they are. */
export class RawSocket {
  readonly line: Line;
  #at = 0;

  private constructor(line: Line) {
    this.line = line;
  }

  static async open(server: Server, token: string, headers: string[] = []): Promise<RawSocket> {
    const line = await Line.open(server.url);
    const key = Buffer.alloc(16, 7).toString("base64");
    line.write(
      `GET /api/v1/ws HTTP/1.1\r\nHost: ${new URL(server.url).host}\r\nAuthorization: Bearer ${token}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n${headers.map((line) => `${line}\r\n`).join("")}\r\n`,
    );
    await until("the handshake", () => line.text.includes("\r\n\r\n"));
    const accept = createHash("sha1").update(key + handshakeGuid).digest("base64");
    if (!line.text.startsWith("HTTP/1.1 101 ") || !line.text.includes(accept)) throw new Error(line.text);
    const socket = new RawSocket(line);
    socket.#at = line.text.indexOf("\r\n\r\n") + 4;
    return socket;
  }

  send(...frames: Buffer[]): void {
    this.line.write(Buffer.concat(frames));
  }

  /** The next frame that the server sends, if it is whole. */
  #take(): Frame | undefined {
    const bytes = this.line.bytes.subarray(this.#at);
    const small = (bytes[1] ?? 0) & 0x7f;
    const header = small === 126 ? 4 : small === 127 ? 10 : 2;
    if (bytes.length < header) return undefined;
    const length = small === 126 ? bytes.readUInt16BE(2) : small === 127 ? Number(bytes.readBigUInt64BE(2)) : small;
    if (bytes.length < header + length) return undefined;
    this.#at += header + length;
    return { final: ((bytes[0] ?? 0) & 0x80) !== 0, compressed: ((bytes[0] ?? 0) & 0x40) !== 0, opcode: (bytes[0] ?? 0) & 0x0f, payload: bytes.subarray(header, header + length) };
  }

  next(): Promise<Frame> {
    return until("a frame", () => this.#take());
  }

  /** The code of the close frame that comes next; the connection ends after it. */
  async closeCode(): Promise<number> {
    let found = await this.next();
    while (found.opcode !== opcodes.close) found = await this.next();
    this.line.socket.end();
    await this.line.end();
    return found.payload.length >= 2 ? found.payload.readUInt16BE(0) : 1005;
  }
}

/** A port of 127.0.0.1 that was free a moment ago, for programs that cannot take one themselves. */
export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const holder = createServer().listen(0, "127.0.0.1", () => {
      const { port } = holder.address() as AddressInfo;
      holder.close(() => resolve(port));
    });
  });
}
