/* Long histories: few nodes, a line that stays where it is, the way back to the newest, what is new. */
import type { Person, Server } from "../integration/harness.ts";
import { articles, expect, message, openRoom, pageOf, roomLink, sidebar, test, write, type Page } from "./support.ts";

const many = 5000;
const nodesMost = 300;
const movedMost_px = 1;
const inFlight = 200;

/* Lines of all heights: one row, several, with a link, with breaks. */
function lineOf(number: number): string {
  const tail = ["", " and a line that is long enough to be broken on every window ".repeat(4), " https://example.org/a/page", "\nwith\nbreaks"];
  return `line ${String(number)}${tail[number % tail.length] ?? ""}`;
}

async function fill(writers: Person[], room: string, count: number, first = 0): Promise<void> {
  const clients = await Promise.all(writers.map((writer) => writer.connect()));
  for (let from = first; from < first + count; from += inFlight) {
    const batch = Array.from({ length: Math.min(inFlight, first + count - from) }, (_, at) => from + at);
    /* Four in a row by one person, so that there are groups; one connection keeps its order. */
    const replies = await Promise.all(batch.map((number) => clients[Math.floor(number / 4) % clients.length]?.send(room, lineOf(number)) ?? Promise.reject(new Error("nobody writes"))));
    for (const reply of replies) if (reply["result"] === undefined) throw new Error(JSON.stringify(reply));
  }
  for (const client of clients) client.close();
}

async function house(server: Server): Promise<{ ann: Person; bob: Person; general: string }> {
  const ann = await server.person("ann", "owner");
  const bob = await server.person("bob");
  return { ann, bob, general: await ann.room("general") };
}

/** The most message nodes that stood in the page at any time. */
async function countNodes(page: Page): Promise<() => Promise<number>> {
  await page.evaluate(() => {
    const noted = { most: 0 };
    Object.assign(globalThis, { noted });
    const count = () => (noted.most = Math.max(noted.most, document.querySelectorAll("article").length));
    new MutationObserver(count).observe(document.body, { childList: true, subtree: true });
    count();
  });
  return () => page.evaluate(() => (globalThis as unknown as { noted: { most: number } }).noted.most);
}

/** Keeps back every page of earlier messages until it is let go, so that it comes while the list stands still. */
async function holdEarlier(page: Page): Promise<{ held: () => number; release: () => void }> {
  let kept: (() => void)[] = [];
  await page.routeWebSocket("**/api/v1/ws", (socket) => {
    const upstream = socket.connectToServer();
    const asked = new Set<number>();
    socket.onMessage((data) => {
      const request = JSON.parse(data.toString()) as { id: number; method: string; params: { before?: string } };
      if (request.method === "message.list" && request.params.before !== undefined) asked.add(request.id);
      upstream.send(data);
    });
    upstream.onMessage((data) => {
      const { id } = JSON.parse(data.toString()) as { id?: number };
      if (id !== undefined && asked.delete(id)) kept.push(() => socket.send(data));
      else socket.send(data);
    });
  });
  return {
    held: () => kept.length,
    release: () => {
      for (const send of kept) send();
      kept = [];
    },
  };
}

/** The key and place of the line being read. */
function reading(page: Page): Promise<{ key: string; top: number }> {
  return page.evaluate(() => {
    const scroll = document.querySelector(".messages-scroll");
    if (!scroll) throw new Error("no list");
    const top = scroll.getBoundingClientRect().top;
    for (const article of document.querySelectorAll<HTMLElement>("article")) {
      const box = article.getBoundingClientRect();
      if (box.top >= top) return { key: article.dataset["key"] ?? "", top: box.top };
    }
    throw new Error("no line on the screen");
  });
}

const topOf = (page: Page, key: string): Promise<number> =>
  page.evaluate((wanted) => document.querySelector(`article[data-key="${CSS.escape(wanted)}"]`)?.getBoundingClientRect().top ?? Number.NaN, key);

/** Two frames: what was put into the page has been laid out and measured. */
const settled = (page: Page): Promise<void> => page.evaluate(() => new Promise<void>((done) => requestAnimationFrame(() => requestAnimationFrame(() => done()))));

const height = (page: Page): Promise<number> => page.evaluate(() => document.querySelector(".messages-scroll")?.scrollHeight ?? 0);

test("5,000 messages: few nodes, and earlier ones move the line being read by at most a pixel", async ({ server, browser }) => {
  test.setTimeout(300_000); /* on two cores that others use too */
  const { ann, bob, general } = await house(server);
  await bob.send(general, "the first of all");
  await fill([bob, ann], general, many - 2);
  await bob.send(general, "the last of all");
  const page = await pageOf(server, browser, ann);
  const earlier = await holdEarlier(page);
  await page.reload();
  await openRoom(page, "general");
  await expect(message(page, "the last of all")).toBeInViewport();
  const nodes = await countNodes(page);

  const scroll = page.locator(".messages-scroll");
  const beginning = page.getByText("This is the beginning of");
  const up = (part: number) => scroll.evaluate((list, by) => list.scrollBy(0, -list.clientHeight * by), part);
  let pages = 0;
  let worst_px = 0;
  for (let steps = 0; steps < 3000 && !(await beginning.isVisible()); steps += 1) {
    await up(0.8);
    await settled(page);
    if (earlier.held() === 0) continue;
    /* Every third time one has read on to the very top before it comes. */
    for (let further = 0; pages % 3 === 0 && further < 4; further += 1) await up(0.8);
    await settled(page);
    const before = { line: await reading(page), height: await height(page) };
    earlier.release();
    await expect.poll(() => height(page), { intervals: [5] }).toBeGreaterThan(before.height + 500);
    await settled(page);
    const moved_px = Math.abs((await topOf(page, before.line.key)) - before.line.top);
    expect(moved_px, `page ${String(pages)}`).toBeLessThanOrEqual(movedMost_px);
    worst_px = Math.max(worst_px, moved_px);
    pages += 1;
  }
  await expect(async () => {
    await up(0.8);
    await settled(page);
    await expect(beginning).toBeInViewport({ timeout: 100 });
  }).toPass({ intervals: [10] });
  await expect(message(page, "the first of all")).toBeVisible();
  expect(pages).toBe(many / 50 - 1);
  expect(await nodes()).toBeLessThanOrEqual(nodesMost);
  test.info().annotations.push({ type: "measured", description: `${String(await nodes())} nodes, moved ${worst_px.toFixed(2)} px in ${String(pages)} pages` });

  await page.getByRole("button", { name: "Jump to latest" }).click();
  await expect(message(page, "the last of all")).toBeInViewport();
  await expect(page.getByRole("button", { name: "Jump to latest" })).toBeHidden();
  expect(await nodes()).toBeLessThanOrEqual(nodesMost);
});

test("unread counts, the line above what is new, and the way to the latest", async ({ server, browser }) => {
  const { ann, bob, general } = await house(server);
  const lobby = await ann.makeRoom("lobby");
  await bob.ask("POST", `/rooms/${lobby}/join`);
  await fill([bob], general, 40);
  const page = await pageOf(server, browser, ann);
  await openRoom(page, "general");
  await expect(message(page, lineOf(39))).toBeVisible();
  await openRoom(page, "lobby");
  await expect(roomLink(page, "general").locator(".badge")).toBeHidden();

  /* Three come while one is elsewhere: they are counted, then the line stands above the first of them. */
  const divider = page.locator(".new-line");
  for (const text of ["new one", "new two", "new three"]) await bob.send(general, text);
  await expect(roomLink(page, "general").getByText("3 unread messages")).toBeAttached();
  await openRoom(page, "general");
  await expect(divider).toHaveText("New messages");
  await expect(page.getByRole("listitem").filter({ has: divider })).toContainText("new one");
  await expect(message(page, "new three")).toBeInViewport();
  await openRoom(page, "lobby");
  await expect(roomLink(page, "general").locator(".badge")).toBeHidden();
  await openRoom(page, "general");
  await expect(divider).toBeHidden();

  /* Read on another device too: the count goes, and the server keeps it. */
  await expect.poll(async () => (await ann.rooms()).find((room) => room.id === general)?.unread).toBe(0);

  /* Far up in the list, what comes is counted on the way down, and moves nothing. */
  await page.locator(".messages-scroll").evaluate((list) => list.scrollTo(0, 0));
  await expect(page.getByRole("button", { name: "Jump to latest" })).toBeVisible();
  await settled(page);
  const line = await reading(page);
  await bob.send(general, "while reading");
  const jump = page.getByRole("button", { name: "1 new message" });
  await expect(jump).toBeVisible();
  expect(Math.abs((await topOf(page, line.key)) - line.top)).toBeLessThanOrEqual(movedMost_px);
  await jump.click();
  await expect(message(page, "while reading")).toBeInViewport();
  await expect(jump).toBeHidden();

  /* At the bottom, what comes stays in sight. */
  for (let number = 0; number < 5; number += 1) await bob.send(general, `flowing ${String(number)}`);
  await expect(message(page, "flowing 4")).toBeInViewport();
  await expect(sidebar(page).locator(".badge")).toHaveCount(0);
  await write(page, "own");
  await expect(message(page, "own")).toBeInViewport();
});

test("more than a page of unread messages: the line is found where reading ended", async ({ server, browser }) => {
  const { ann, bob, general } = await house(server);
  await fill([bob], general, 30);
  const read = await ann.ask("PUT", `/rooms/${general}/read`, { seq: (await ann.history(general)).at(-1)?.seq ?? 0 });
  expect(read.status).toBe(200);
  await fill([bob], general, 130, 30);
  const before = await ann.makeRoom("a room with news before it"); /* opens first */
  await bob.ask("POST", `/rooms/${before}/join`);
  await bob.send(before, "news");
  const page = await pageOf(server, browser, ann);
  await expect(roomLink(page, "general").getByText("99+")).toBeVisible();
  await openRoom(page, "general");
  const divider = page.locator(".new-line");
  await expect(articles(page).first()).toBeVisible();
  await expect(async () => {
    await page.locator(".messages-scroll").evaluate((list) => list.scrollBy(0, -list.clientHeight / 2));
    await settled(page);
    expect(await divider.isVisible()).toBe(true);
  }).toPass({ intervals: [10] });
  await expect(page.getByRole("listitem").filter({ has: divider })).toContainText("line 30");
});
