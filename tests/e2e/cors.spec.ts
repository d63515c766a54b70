/* What a real browser lets another site's page do: all of the API with a token where cors.origins lists it, nothing where it does not. */
import { createServer, type Server as HttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Server } from "../integration/harness.ts";
import { claim, expect, test, type Page } from "./support.ts";

async function site(): Promise<{ http: HttpServer; origin: string }> {
  const http = createServer((_request, answer) => answer.setHeader("content-type", "text/html").end("<!doctype html><title>another site</title>"));
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  return { http, origin: `http://127.0.0.1:${String((http.address() as AddressInfo).port)}` };
}

/** Tries from within the page what a client does; each answer, or "blocked" where the browser kept it from the page. */
function tryAll(page: Page, url: string, token: string, room: string): Promise<Record<string, unknown>> {
  return page.evaluate(
    async ({ url, token, room }) => {
      const api = `${url}/api/v1`;
      const authorization = `Bearer ${token}`;
      const status = (path: string, init: RequestInit): Promise<unknown> => fetch(`${api}${path}`, init).then((answer) => answer.status, () => "blocked");
      const tag = await fetch(`${api}/users`, { headers: { authorization } }).then((answer) => answer.headers.get("etag") ?? "", () => "");
      const opened = (address: string): Promise<unknown> =>
        new Promise((resolve) => {
          const socket = new WebSocket(address);
          socket.onopen = () => socket.send(JSON.stringify({ id: 1, method: "user.me" }));
          socket.onmessage = (message) => {
            const { error } = JSON.parse(String(message.data)) as { error?: { code: string } };
            resolve(error?.code ?? "signed in");
            socket.close();
          };
          socket.onerror = () => resolve("blocked");
        });
      const post = { method: "POST", headers: { authorization, "content-type": "application/json", "idempotency-key": "from-afar" }, body: JSON.stringify({ text: "from afar" }) };
      const stream = await fetch(`${api}/events`, { headers: { authorization } }).then(
        async (answer) => {
          const reader = answer.body?.getReader();
          const first = new TextDecoder().decode((await reader?.read())?.value);
          await reader?.cancel();
          return first.includes("session.started") || first.includes("retry");
        },
        () => "blocked",
      );
      return {
        read: await status("/me", { headers: { authorization } }),
        send: await status(`/rooms/${room}/messages`, post),
        again: await status(`/rooms/${room}/messages`, post),
        same: await status("/users", { headers: { authorization, "if-none-match": tag }, cache: "no-store" }),
        error: await status("/no/such", { headers: { authorization } }),
        cookie: await status("/me", { credentials: "include" }),
        stream,
        socket: await opened(`${api.replace("http", "ws")}/ws`),
      };
    },
    { url, token, room },
  );
}

test("a listed site's page works with a token and never with the cookie; another's gets nothing", async ({ page }) => {
  const [listed, other] = [await site(), await site()];
  const server = await Server.start([`--cors.origins=${listed.origin}`]);
  try {
    await claim(server, page); /* the browser has the cookie, and 127.0.0.1 is one site whatever the port */
    const bob = await server.person("bob");
    const general = await bob.room("general");
    await page.goto(listed.origin);
    expect(await tryAll(page, server.url, bob.token, general)).toEqual({ read: 200, send: 201, again: 200, same: 304, error: 404, cookie: "blocked", stream: true, socket: "sign_in_required" });
    expect((await bob.history(general)).map((one) => one.text)).toEqual(["from afar"]);
    await page.goto(other.origin);
    expect(await tryAll(page, server.url, bob.token, general)).toEqual({ read: "blocked", send: "blocked", again: "blocked", same: "blocked", error: "blocked", cookie: "blocked", stream: "blocked", socket: "blocked" });
    expect(await bob.history(general)).toHaveLength(1);
  } finally {
    await server.end();
    listed.http.close();
    other.http.close();
  }
});
