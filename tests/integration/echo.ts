/* The conformance server build/tests/parley-echo, on a free port. */
import { spawn, type ChildProcess } from "node:child_process";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { until } from "./harness.ts";

const binary = process.env["PARLEY_ECHO_BINARY"] ?? fileURLToPath(new URL("../../build/tests/parley-echo", import.meta.url));
/** How much more memory a sanitizer takes: it keeps what was freed, and puts red zones round what was not. */
export const echoMemoryFactor = /build-[at]san/.test(binary) ? 12 : 1;

export class Echo {
  readonly url: string;
  readonly #child: ChildProcess;

  private constructor(url: string, child: ChildProcess) {
    this.url = url;
    this.#child = child;
  }

  static async start(options: string[] = []): Promise<Echo> {
    const child = spawn(binary, ["--listen", "127.0.0.1:0", ...options]);
    let text = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (bytes: Buffer) => (text += bytes.toString()));
    const port = await until("parley-echo to listen", () => {
      if (child.exitCode !== null || child.signalCode !== null) throw new Error(`parley-echo ended: ${text}`);
      return /listens on port (\d+)/.exec(text)?.[1];
    });
    return new Echo(`http://127.0.0.1:${port}`, child);
  }

  /** What it has in memory now (kB of the kernel's count). */
  async residentBytes(): Promise<number> {
    const status = await readFile(`/proc/${String(this.#child.pid)}/status`, "utf8");
    return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
  }

  /** The most that it ever had in memory. */
  async peakBytes(): Promise<number> {
    const status = await readFile(`/proc/${String(this.#child.pid)}/status`, "utf8");
    return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
  }

  /** Keeps it from running for a while. */
  async stall(ms: number): Promise<void> {
    this.#child.kill("SIGSTOP");
    await new Promise((done) => setTimeout(done, ms));
    this.#child.kill("SIGCONT");
  }

  /** Ends it; its exit code. */
  stop(): Promise<number | null> {
    return new Promise((resolve) => {
      this.#child.on("exit", (code) => resolve(code));
      this.#child.kill("SIGTERM");
    });
  }
}
