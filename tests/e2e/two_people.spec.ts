/* Two people in two browsers: they sign up by an invite link, write to each other, and lose nothing when the server dies. */
import { composer, expect, heading, inviteLink, message, newPage, openRoom, roomLink, signUp, test, texts, write, type Page } from "./support.ts";

const conversation = ["Hello Bob", "Hello Ann", "How is the new house?", "Loud", "Good"];

test("two people sign up by an invite link and talk, in one order, with no reload", async ({ owner, browser }) => {
  const link = await inviteLink(owner);
  const { context, page: bob } = await newPage(browser);
  await signUp(bob, link, "bob");
  await expect(roomLink(bob, "general")).toBeVisible();
  await openRoom(bob, "general");
  await expect(owner.getByRole("button", { name: /2 members.*2 online/ })).toBeVisible();

  for (const [at, text] of conversation.entries()) {
    const [from, to] = at % 2 === 0 ? [owner, bob] : [bob, owner];
    await composer(from).pressSequentially(text.slice(0, 3));
    await expect(to.getByText(`${from === owner ? "ann" : "bob"} is typing…`)).toBeVisible();
    await write(from, text);
    await expect(message(to, text)).toBeVisible();
    await expect(to.getByText("is typing…")).toBeHidden();
  }
  for (const page of [owner, bob]) expect(await texts(page)).toEqual(conversation);

  for (const page of [owner, bob]) {
    await page.reload();
    await expect(heading(page, "general")).toBeVisible();
    await expect.poll(() => texts(page)).toEqual(conversation);
  }

  await context.close();
  await expect(owner.getByRole("button", { name: /1 online/ })).toBeVisible({ timeout: 40_000 });
});

/* As people type; so few messages that all of them stand in a high window. */
const keyEvery_ms = 30;

/** Types numbered messages until told to stop; gives the number written. */
function chatter(page: Page, name: string): { stop: () => Promise<number>; written: () => number } {
  let stopped = false;
  let count = 0;
  const done = (async () => {
    while (!stopped) {
      await composer(page).pressSequentially(`${name} ${String(count)}`, { delay: keyEvery_ms });
      await composer(page).press("Enter");
      count += 1;
    }
  })();
  return {
    written: () => count,
    stop: async () => {
      stopped = true;
      await done;
      return count;
    },
  };
}

async function reaches(talk: { written: () => number }, count: number): Promise<void> {
  await expect.poll(talk.written, { intervals: [10] }).toBeGreaterThanOrEqual(count);
}

test("the server is killed while messages flow: both come back by themselves with every message once, in one order", async ({ server, owner, browser }) => {
  const { context, page: bob } = await newPage(browser);
  /* A window so high that the list needs no scrolling: what stands in the page is the whole conversation. */
  for (const page of [owner, bob]) await page.setViewportSize({ width: 1000, height: 6000 });
  await signUp(bob, await inviteLink(owner), "bob");
  await openRoom(bob, "general");

  const talks = [chatter(owner, "ann"), chatter(bob, "bob")];
  for (const talk of talks) await reaches(talk, 5);
  for (let round = 1; round <= 2; round += 1) {
    const before = talks.map((talk) => talk.written());
    await server.kill();
    for (const page of [owner, bob]) await expect(page.getByRole("region", { name: "Connection" })).toBeVisible();
    for (const [at, talk] of talks.entries()) await reaches(talk, (before[at] ?? 0) + 3);
    await server.run();
    for (const page of [owner, bob]) await expect(page.getByRole("region", { name: "Connection" })).toBeHidden({ timeout: 30_000 });
    const again = talks.map((talk) => talk.written());
    for (const [at, talk] of talks.entries()) await reaches(talk, (again[at] ?? 0) + 3);
  }
  const counts = await Promise.all(talks.map((talk) => talk.stop()));

  const expected = ["ann", "bob"].flatMap((name, at) => Array.from({ length: counts[at] ?? 0 }, (_, index) => `${name} ${String(index)}`));
  for (const page of [owner, bob]) {
    await expect(page.locator(".message-pending")).toHaveCount(0);
    await expect.poll(async () => (await texts(page)).length).toBe(expected.length);
  }
  const [seenByAnn, seenByBob] = [await texts(owner), await texts(bob)];
  expect(seenByAnn).toEqual(seenByBob);
  expect(seenByAnn.toSorted()).toEqual(expected.toSorted());
  for (const name of ["ann", "bob"]) {
    const own = seenByAnn.filter((text) => text.startsWith(name));
    expect(own).toEqual(expected.filter((text) => text.startsWith(name)));
  }
  for (const page of [owner, bob]) {
    await page.reload();
    await expect.poll(async () => (await texts(page)).slice(-40)).toEqual(seenByAnn.slice(-40));
  }
  await server.stop();
  expect(await server.doctor()).toBe("");
  await context.close();
});
