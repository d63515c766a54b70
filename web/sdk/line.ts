/* A line: one way to the server that is open, or opening. It carries the stream of events from a cursor on, and operations with their answers. */
import { ParleyError } from "./errors.ts";
import type { Events, Operations, SessionStartResult } from "./generated.ts";

export type EventName = keyof Events;

/** An event as it came: `seq` where it is a room's, `cursor` where it is logged. */
export interface ServerEvent<N extends EventName = EventName> {
  event: N;
  room?: string;
  seq?: number;
  cursor?: string;
  data: Events[N];
}

export interface Line {
  /** Carries out one operation. Throws ParleyError: "closed", "network" and "timeout" leave open whether it was done. */
  request<N extends keyof Operations>(name: N, params: Operations[N]["params"]): Promise<Operations[N]["result"]>;
  /** Ends it; what was asked and not answered is rejected with "closed". The owner is told nothing more. */
  close(): void;
}

export interface Loss {
  /** Why, for people and programs to read. */
  cause: ParleyError;
  /** The session is over, by this close code: signing in again is what helps. */
  ended?: number;
  /** The server says when to come again. */
  retryAfter_ms?: number;
}

/** Whom a line tells, never before the function that opened it returned. */
export interface LineOwner {
  /** Anything came: the line is alive. */
  heard: () => void;
  /** The stream begins; events follow. */
  started: (result: SessionStartResult) => void;
  event: (event: ServerEvent) => void;
  /** It broke, or never opened. Told once. */
  lost: (loss: Loss) => void;
}

export const requestTimeout_ms = 15_000;
/** The server's close code for a session that is over. */
export const sessionEnded = 4500;

const closeCodes: Record<number, ParleyError["code"]> = { [sessionEnded]: "invalid_token", 4501: "sign_in_required" };

/** What a close code of the server asks for (4500 to 4999: do not come again). */
export function lossOf(code: number, reason: string): Loss {
  const cause = new ParleyError(closeCodes[code] ?? "closed", `the connection was closed: ${String(code)}${reason === "" ? "" : ` ${reason}`}`);
  if (code >= 4500 && code <= 4999) return { cause, ended: code };
  const asked = /^retry_after=(\d+)$/.exec(reason)?.[1];
  return asked === undefined ? { cause } : { cause, retryAfter_ms: Number(asked) };
}

const refusals = new Set<string>(["sign_in_required", "invalid_token"]);

/** What is lost when the line could not be opened, or when what was asked first was refused. */
export function lossFrom(failure: unknown): Loss {
  const cause = failure instanceof ParleyError ? failure : new ParleyError("network", String(failure));
  if (refusals.has(cause.code)) return { cause, ended: sessionEnded };
  return cause.retryAfter === undefined ? { cause } : { cause, retryAfter_ms: cause.retryAfter * 1000 };
}
