import type { ErrorCode } from "./generated.ts";

/** What the server answered instead of a result, or what kept it from answering ("network", "timeout", "closed"). */
export class ParleyError extends Error {
  readonly code: ErrorCode | "network" | "timeout" | "closed";
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

/** Whether another try later may go well: the line, the server's state, a limit. What the server refused for its content will not. */
export function isTransient(error: unknown): boolean {
  if (!(error instanceof ParleyError)) return true;
  const codes: readonly string[] = ["network", "timeout", "closed", "overloaded", "draining", "rate_limited", "storage_unavailable", "outcome_unknown", "internal"];
  return codes.includes(error.code);
}
