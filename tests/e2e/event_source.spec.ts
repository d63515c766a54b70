/* The browser's own EventSource, with the session's cookie: it comes back by itself with Last-Event-ID. */
import { claim, expect, test, type Page } from "./support.ts";

/** Opens one in the page and keeps the texts that it brings. */
async function listen(page: Page): Promise<void> {
  await page.evaluate(() => {
    const heard: string[] = [];
    const source = new EventSource("/api/v1/events");
    source.addEventListener("session.started", () => (document.documentElement.dataset["heard"] = JSON.stringify(heard)));
    source.addEventListener("message.created", (event: MessageEvent<string>) => {
      const envelope = JSON.parse(event.data) as { data: { message: { text: string } } };
      heard.push(envelope.data.message.text);
      document.documentElement.dataset["heard"] = JSON.stringify(heard);
    });
  });
}

function heard(page: Page): Promise<string[]> {
  return page.evaluate(() => JSON.parse(document.documentElement.dataset["heard"] ?? "null") as string[]);
}

test("an EventSource misses nothing over a SIGKILL and hears nothing twice", async ({ server, page }) => {
  await claim(server, page);
  const bob = await server.person("bob");
  const general = await bob.room("general");
  await listen(page);
  await expect.poll(() => heard(page)).toEqual([]);
  await bob.send(general, "one");
  await bob.send(general, "two");
  await expect.poll(() => heard(page)).toEqual(["one", "two"]);
  await server.kill();
  await server.run();
  await bob.send(general, "three");
  await expect.poll(() => heard(page), { timeout: 40_000 }).toEqual(["one", "two", "three"]);
  await bob.send(general, "four");
  await expect.poll(() => heard(page)).toEqual(["one", "two", "three", "four"]);
});
