import { errorFromAnswer, ParleyError } from "./errors.ts";
import { routes, type Operations } from "./generated.ts";
import { requestTimeout_ms } from "./line.ts";

export interface RestOptions {
  /** Where the server is; "" for the page's own. */
  baseUrl?: string | undefined;
  /** A bearer token; without it the browser's cookie counts. */
  token?: string | undefined;
  /** Gives up when it is aborted ("closed"). */
  signal?: AbortSignal | undefined;
}

export type RestName = keyof typeof routes & keyof Operations;

function addressOf(path: string, params: Record<string, unknown>): { path: string; rest: Record<string, unknown> } {
  const inPath = new Set([...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]));
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(params[name])));
  return { path: filled, rest: Object.fromEntries(Object.entries(params).filter(([name]) => !inPath.has(name))) };
}

function queryOf(params: Record<string, unknown>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    if (value !== undefined && value !== null) query.set(name, String(value));
  }
  const text = query.toString();
  return text === "" ? "" : `?${text}`;
}

/** Sends and reads all of the answer, or says why not. */
async function exchange(url: string, signal: AbortSignal | undefined, init: RequestInit): Promise<{ response: Response; text: string }> {
  const timeout = AbortSignal.timeout(requestTimeout_ms);
  try {
    const response = await fetch(url, { ...init, signal: signal && "any" in AbortSignal ? AbortSignal.any([signal, timeout]) : timeout });
    return { response, text: await response.text() };
  } catch (failure) {
    throw new ParleyError(signal?.aborted ? "closed" : timeout.aborted ? "timeout" : "network", String(failure));
  }
}

/** The JSON object that the text is; undefined where it is none. */
export function objectIn(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Carries out one operation by HTTP. Throws ParleyError. */
export async function rest<N extends RestName>(name: N, params: Operations[N]["params"], options: RestOptions = {}): Promise<Operations[N]["result"]> {
  const route = routes[name];
  const { path, rest: others } = addressOf(route.path, params as Record<string, unknown>);
  const inQuery = route.method === "GET" || route.method === "DELETE";
  const headers: Record<string, string> = {};
  if (options.token !== undefined) headers["authorization"] = `Bearer ${options.token}`;
  if (!inQuery) headers["content-type"] = "application/json";
  const { response, text } = await exchange(`${options.baseUrl ?? ""}/api/v1${path}${inQuery ? queryOf(others) : ""}`, options.signal, {
    method: route.method,
    headers,
    credentials: "same-origin",
    ...(inQuery ? {} : { body: JSON.stringify(others) }),
  });
  const body = objectIn(text);
  if (!response.ok) throw errorFromAnswer(response.status, body);
  if (!body) throw new ParleyError("not_parley", "the answer is none of the server's"); /* a proxy's page */
  return body as Operations[N]["result"];
}
