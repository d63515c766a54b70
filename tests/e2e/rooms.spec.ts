/* The way from room to room: what opens by itself, and what is unread out of sight. */
import { expect, roomHeading, roomLink, sidebar, signIn, test } from "./support.ts";

test("on a wide screen a room is always open: the one of the last time; a phone begins with the list", async ({ server, page }) => {
  const ann = await server.person("ann", "owner");
  await ann.makeRoom("attic");
  await ann.makeRoom("zoo");
  await signIn(server, page, "ann");
  await expect(roomHeading(page, "attic")).toBeVisible();
  await roomLink(page, "zoo").click();
  await expect(roomHeading(page, "zoo")).toBeVisible();
  await page.goto(server.url);
  await expect(roomHeading(page, "zoo")).toBeVisible();
  await page.setViewportSize({ width: 360, height: 740 });
  await page.goto(server.url);
  await expect(sidebar(page)).toBeVisible();
  await expect(page.getByRole("heading", { level: 1 })).toHaveCount(0);
});

test("what is unread below the list's edge is told and leads there; browsing and inviting stay in sight", async ({ server, page }) => {
  const [ann, bob] = [await server.person("ann", "owner"), await server.person("bob")];
  for (let count = 10; count < 70; count += 1) await ann.makeRoom(`room ${String(count)}`);
  const last = await ann.makeRoom("zoo");
  await bob.ask("POST", `/rooms/${last}/join`);
  await ann.ask("PUT", `/rooms/${last}/read`, { seq: 99 });
  await signIn(server, page, "ann");
  await expect(roomHeading(page, "general")).toBeVisible();
  for (const name of ["Browse rooms", "Invite people"]) await expect(sidebar(page).getByRole("button", { name })).toBeInViewport();
  const below = sidebar(page).getByRole("button", { name: "Unread below" });
  await expect(below).toBeHidden();
  await bob.send(last, "The lion is out");
  await expect(below).toBeVisible();
  await expect(roomLink(page, "zoo")).not.toBeInViewport();
  await below.click();
  await expect(roomLink(page, "zoo")).toBeInViewport();
  await expect(below).toBeHidden();
  await sidebar(page).locator(".sidebar-scroll").evaluate((list) => list.scrollTo(0, 0));
  await expect(below).toBeVisible();
});
