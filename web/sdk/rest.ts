import { errorFromWire, ParleyError } from "./errors.ts";
import { routes, type Operations } from "./generated.ts";

export interface RestOptions {
  /** Where the server is; "" for the page's own. */
  baseUrl?: string;
  /** A bearer token; without it the browser's cookie counts. */
  token?: string;
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

/** Carries out one operation by HTTP. Throws ParleyError. */
export async function rest<N extends RestName>(name: N, params: Operations[N]["params"], options: RestOptions = {}): Promise<Operations[N]["result"]> {
  const route = routes[name];
  const { path, rest: others } = addressOf(route.path, params as Record<string, unknown>);
  const inQuery = route.method === "GET" || route.method === "DELETE";
  const headers: Record<string, string> = {};
  if (options.token !== undefined) headers["authorization"] = `Bearer ${options.token}`;
  if (!inQuery) headers["content-type"] = "application/json";
  let response: Response;
  try {
    response = await fetch(`${options.baseUrl ?? ""}/api/v1${path}${inQuery ? queryOf(others) : ""}`, {
      method: route.method,
      headers,
      credentials: "same-origin",
      ...(inQuery ? {} : { body: JSON.stringify(others) }),
    });
  } catch (failure) {
    throw new ParleyError("network", String(failure));
  }
  const body: unknown = await response.json().catch(() => ({}));
  if (!response.ok) throw errorFromWire(typeof body === "object" && body !== null ? body : {});
  return body as Operations[N]["result"];
}
