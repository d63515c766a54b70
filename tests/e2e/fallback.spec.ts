/* A browser whose network lets no WebSocket through: chat goes on live, over an event stream and REST. */
import { articles, claim, expect, message, test, texts, write, type Page } from "./support.ts";

/** Sockets fail as a proxy makes them fail: they close before they open. */
async function blockSockets(page: Page): Promise<void> {
  await page.addInitScript(() => {
    class Blocked extends EventTarget {
      constructor() {
        super();
        setTimeout(() => this.dispatchEvent(new CloseEvent("close", { code: 1006 })), 10);
      }
      send(): void {}
      close(): void {}
    }
    Object.assign(window, { WebSocket: Blocked });
  });
}

const ways: Record<string, (page: Page) => Promise<unknown>> = {
  "that are refused": blockSockets,
  "that are missing": (page) => page.addInitScript(() => Reflect.deleteProperty(window, "WebSocket")),
};

for (const [what, block] of Object.entries(ways)) {
  test(`without sockets (${what}) messages come and go live, over a restart of the server too`, async ({ server, page }) => {
    await block(page);
    await claim(server, page);
    const bob = await server.person("bob");
    const general = await bob.room("general");
    await write(page, "from the page");
    await expect(message(page, "from the page")).toBeVisible();
    await expect.poll(async () => (await bob.history(general)).map((one) => one.text)).toEqual(["from the page"]);
    await bob.send(general, "to the page");
    await expect(message(page, "to the page")).toBeVisible();

    await server.kill();
    await write(page, "written in the dark");
    await server.run();
    await expect.poll(async () => (await bob.history(general)).length, { timeout: 40_000 }).toBe(3);
    await bob.send(general, "after the restart");
    await expect(message(page, "after the restart")).toBeVisible();
    const all = ["from the page", "to the page", "written in the dark", "after the restart"];
    await expect.poll(() => texts(page)).toEqual(all);
    await expect(articles(page)).toHaveCount(all.length);
    expect((await bob.history(general)).map((one) => one.text)).toEqual(all);
  });
}
