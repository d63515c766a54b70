import type { ErrorCode } from "./generated.ts";

/** What the server answered instead of a result, or what kept it from answering ("network", "timeout", "closed"; "not_parley": something else answered). */
export class ParleyError extends Error {
  readonly code: ErrorCode | "network" | "timeout" | "closed" | "not_parley";
  readonly field: string | undefined;
  readonly detail: string | undefined;
  /** Seconds to wait before the next try. */
  readonly retryAfter: number | undefined;

  constructor(
    code: ParleyError["code"],
    message: string,
    more: { field?: string | undefined; detail?: string | undefined; retryAfter?: number | undefined } = {},
  ) {
    super(message);
    this.name = "ParleyError";
    this.code = code;
    this.field = more.field;
    this.detail = more.detail;
    this.retryAfter = more.retryAfter;
  }
}

interface Wire {
  code?: unknown;
  message?: unknown;
  field?: unknown;
  detail?: unknown;
  retry_after?: unknown;
}

const text = (value: unknown) => (typeof value === "string" ? value : undefined);

/** From the `error` of a reply or the problem details of an HTTP answer. */
export function errorFromWire(wire: Wire): ParleyError {
  return new ParleyError((text(wire.code) ?? "internal") as ErrorCode, text(wire.message) ?? "error", {
    field: text(wire.field),
    detail: text(wire.detail),
    retryAfter: typeof wire.retry_after === "number" ? wire.retry_after : undefined,
  });
}

/** From an HTTP answer that is no success. One without the server's problem details came from another program, as a proxy or what else listens there. */
export function errorFromAnswer(status: number, body: object | undefined): ParleyError {
  if (body && text((body as Wire).code) !== undefined) return errorFromWire(body);
  const isPassing = status >= 500 || status === 408 || status === 429; /* a proxy whose server is away */
  return new ParleyError(isPassing ? "network" : "not_parley", `HTTP ${String(status)}, not from a Parley server`);
}

/** Whether another try later may go well: the line, the server's state, a limit. What the server refused for its content will not. */
export function isTransient(error: unknown): boolean {
  if (!(error instanceof ParleyError)) return true;
  const codes: readonly string[] = ["network", "timeout", "closed", "not_parley", "overloaded", "draining", "rate_limited", "storage_unavailable", "outcome_unknown", "internal"];
  return codes.includes(error.code);
}

/** Whether a connection that was refused for this stays refused until a person mends something: the address, the token, the server's settings. */
export function isLasting(error: ParleyError): boolean {
  return error.code === "not_parley" || !isTransient(error);
}
