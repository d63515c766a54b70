/* The line where sockets are blocked: events as Server-Sent Events, operations by REST. It resumes from the same cursor as a socket. */
import { errorFromAnswer, ParleyError } from "./errors.ts";
import { EventStreamParser, type StreamEvent } from "./event_stream.ts";
import { routes, type Operations, type SessionStartResult } from "./generated.ts";
import { lossFrom, lossOf, type Line, type LineOwner, type Loss, type ServerEvent } from "./line.ts";
import { objectIn, rest, type RestName, type RestOptions } from "./rest.ts";

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
    try {
      const response = await this.#open(cursor);
      this.#owner.heard();
      if (!response.ok) this.#lose(await refused(response));
      else await this.#read(response);
    } catch (failure) {
      this.#lose(lossFrom(failure));
    }
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

  async #read(response: Response): Promise<void> {
    if (!response.body || !isEventStream(response)) throw new ParleyError("not_parley", "the answer is no event stream");
    const decoder = new TextDecoder();
    const reader = response.body.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (this.#abort.signal.aborted) return;
      if (done) throw new ParleyError("network", "the event stream ended");
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

  #lose(loss: Loss): void {
    if (this.#abort.signal.aborted) return;
    this.close();
    this.#owner.lost(loss);
  }
}

function isEventStream(response: Response): boolean {
  return response.headers.get("content-type")?.startsWith("text/event-stream") === true;
}

async function refused(response: Response): Promise<Loss> {
  const loss = lossFrom(errorFromAnswer(response.status, objectIn(await response.text().catch(() => ""))));
  const seconds = Number(response.headers.get("retry-after") ?? "0");
  return loss.retryAfter_ms === undefined && seconds > 0 ? { ...loss, retryAfter_ms: seconds * 1000 } : loss;
}
