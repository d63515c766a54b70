/* What one writes without a line: it shows at once, waits, and is sent once, whatever happens to the tab meanwhile. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Server } from "../integration/harness.ts";
import { chromium, claim, composer, expect, message, test, texts, write, type Page } from "./support.ts";

const waiting = (page: Page) => page.locator(".message-pending");

/** Offline as the page sees it: the browser's switch, and the socket that is already open. */
async function goOffline(page: Page): Promise<void> {
  await page.context().setOffline(true);
  await expect(page.getByText("You are offline.")).toBeVisible();
}

async function expectWaiting(page: Page, text: string): Promise<void> {
  await expect(message(page, text)).toBeVisible();
  await expect(waiting(page).filter({ hasText: text })).toContainText("Waiting for the connection");
}

/** Sent: settled in the page, and stored once on the server. */
async function expectSent(server: Server, page: Page, expected: readonly string[]): Promise<void> {
  await expect.poll(() => texts(page), { timeout: 30_000 }).toEqual(expected);
  await expect(waiting(page)).toHaveCount(0);
  const reader = await server.person(`reader${String(Date.now())}`);
  expect((await reader.history(await reader.room("general"))).map((one) => one.text)).toEqual(expected);
  await page.reload();
  await expect.poll(() => texts(page)).toEqual(expected);
}

test("a message written offline shows at once as waiting and is sent once when the line is back", async ({ server, owner }) => {
  await write(owner, "before");
  await expect(message(owner, "before")).toBeVisible();
  await goOffline(owner);
  await write(owner, "first in the dark");
  await write(owner, "second in the dark");
  await expectWaiting(owner, "first in the dark");
  await expectWaiting(owner, "second in the dark");
  await expect(composer(owner)).toHaveValue("");
  await owner.context().setOffline(false);
  await expectSent(server, owner, ["before", "first in the dark", "second in the dark"]);
});

test("what was written offline survives a reload", async ({ server, owner }) => {
  await goOffline(owner);
  await write(owner, "kept over a reload");
  await expectWaiting(owner, "kept over a reload");
  await owner.reload().catch(() => undefined); /* no page without a line */
  await owner.context().setOffline(false);
  await owner.goto(server.url);
  await owner.getByRole("link", { name: "general" }).click();
  await expectSent(server, owner, ["kept over a reload"]);
});

test("a reply that was lost makes no second message", async ({ server, page }) => {
  /* The line takes the message to the server and breaks before the answer comes. */
  let cut = false;
  await page.routeWebSocket("**/api/v1/ws", (socket) => {
    const upstream = socket.connectToServer();
    let dead = false;
    socket.onMessage((data) => {
      upstream.send(data);
      if (!cut && data.toString().includes("message.send")) cut = dead = true;
    });
    upstream.onMessage((data) => {
      if (!dead) socket.send(data);
      else if (data.toString().includes("sent into the gap")) void socket.close({ code: 1011 });
    });
  });
  await claim(server, page);
  await write(page, "sent into the gap");
  await expect.poll(() => cut).toBe(true);
  await expectSent(server, page, ["sent into the gap"]);
});

/* Both end the page without unload, without farewell; what is on disk is all that is left. */
const ends: Record<string, (page: Page) => Promise<void>> = {
  "a killed tab": async (page) => {
    const crashed = page.waitForEvent("crash");
    await page.goto("chrome://crash").catch(() => undefined);
    await crashed;
  },
  "a browser closed at once": () => Promise.resolve(),
};

for (const [end, kill] of Object.entries(ends)) {
  test(`what was written offline survives ${end}`, async ({ server, playwright }) => {
    const profile = await mkdtemp(join(tmpdir(), "parley-profile-"));
    const open = async () => {
      const context = await playwright.chromium.launchPersistentContext(profile, { ...chromium.launchOptions, locale: "en-GB" });
      return { context, page: context.pages()[0] ?? (await context.newPage()) };
    };
    const before = await open();
    await claim(server, before.page);
    await goOffline(before.page);
    await write(before.page, "kept on the disk");
    await expectWaiting(before.page, "kept on the disk");
    await kill(before.page);
    await before.context.close();

    const after = await open();
    await after.page.goto(server.url);
    await after.page.getByRole("link", { name: "general" }).click();
    await expectSent(server, after.page, ["kept on the disk"]);
    await after.context.close();
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  });
}
