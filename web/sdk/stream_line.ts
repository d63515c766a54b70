/* The line where sockets are blocked: events as Server-Sent Events, operations by REST. It resumes from the same cursor as a socket. */
import { errorFromWire, ParleyError } from "./errors.ts";
import { EventStreamParser, type StreamEvent } from "./event_stream.ts";
import { routes, type Operations, type SessionStartResult } from "./generated.ts";
import { lossOf, sessionEnded, type Line, type LineOwner, type ServerEvent } from "./line.ts";
import { rest, type RestName, type RestOptions } from "./rest.ts";

export interface StreamOptions extends RestOptions {
  /** Opens the stream by a single-use ticket instead of a header, where a header cannot be sent or would not arrive. */
  useTicket?: boolean | undefined;
}

type Told = ServerEvent | { event: "session.started"; data: SessionStartResult } | { event: "session.closed"; data: { code: number; reason: string } };

export class StreamLine implements Line {
  readonly #options: StreamOptions;
  readonly #owner: LineOwner;
  readonly #abort = new AbortController();
  readonly #parser = new EventStreamParser((event) => this.#take(event));

  constructor(options: StreamOptions, cursor: string | undefined, owner: LineOwner) {
    this.#options = options;
    this.#owner = owner;
    void this.#run(cursor);
  }

  request<N extends keyof Operations>(name: N, params: Operations[N]["params"]): Promise<Operations[N]["result"]> {
    if (!(name in routes)) return Promise.reject(new ParleyError("unknown_operation", `${name} has no route`));
    return rest(name as RestName, params as never, { ...this.#options, signal: this.#abort.signal }) as Promise<Operations[N]["result"]>;
  }

  close(): void {
    this.#abort.abort();
  }

  /** Reads until the stream ends, and says why. */
  async #run(cursor: string | undefined): Promise<void> {
    let loss = {};
    try {
      const response = await this.#open(cursor);
      this.#owner.heard();
      if (!response.ok) loss = await this.#refused(response);
      else if (response.body) await this.#read(response.body);
    } catch (failure) {
      if (failure instanceof ParleyError && failure.code === "invalid_token") loss = { ended: sessionEnded };
    }
    this.#lose(loss);
  }

  async #open(cursor: string | undefined): Promise<Response> {
    const { baseUrl = "", token, useTicket } = this.#options;
    const headers: Record<string, string> = { accept: "text/event-stream" };
    const query = new URLSearchParams();
    if (cursor !== undefined) query.set("cursor", cursor);
    if (useTicket) query.set("ticket", (await this.request("ticket.create", {})).ticket);
    else if (token !== undefined) headers["authorization"] = `Bearer ${token}`;
    const { signal } = this.#abort;
    return fetch(`${baseUrl}/api/v1/events?${query.toString()}`, { headers, cache: "no-store", credentials: "same-origin", signal });
  }

  async #refused(response: Response): Promise<{ ended?: number; retryAfter_ms?: number }> {
    if (response.status === 401) return { ended: sessionEnded };
    const error = errorFromWire((await response.json().catch(() => ({}))) as object);
    const seconds = error.retryAfter ?? Number(response.headers.get("retry-after") ?? "0");
    return seconds > 0 ? { retryAfter_ms: seconds * 1000 } : {};
  }

  async #read(body: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    const reader = body.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done || this.#abort.signal.aborted) return;
      this.#owner.heard();
      this.#parser.feed(decoder.decode(value, { stream: true }));
    }
  }

  #take(event: StreamEvent): void {
    if (this.#abort.signal.aborted) return;
    const told = JSON.parse(event.data) as Told;
    if (told.event === "session.started") this.#owner.started(told.data);
    else if (told.event === "session.closed") this.#lose(lossOf(told.data.code, told.data.reason));
    else this.#owner.event(told);
  }

  #lose(loss: { ended?: number; retryAfter_ms?: number }): void {
    if (this.#abort.signal.aborted) return;
    this.close();
    this.#owner.lost(loss);
  }
}
