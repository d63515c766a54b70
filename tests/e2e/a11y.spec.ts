/* Everybody can use it: axe on every view, light and dark; the keyboard alone; a live region apart from the list. */
import { AxeBuilder } from "@axe-core/playwright";
import { accountMenu, composer, dialog, expect, inviteLink, menu, message, newPage, openRoom, pageOf, password, roomHeading, sidebar, test, write, type Page } from "./support.ts";

async function check(page: Page, view: string): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  const grave = violations.filter((one) => one.impact === "serious" || one.impact === "critical");
  expect(grave.map((one) => `${view}: ${one.id}: ${one.nodes.map((node) => node.target.join(" ")).join(" | ")}`)).toEqual([]);
}

async function closeDialog(page: Page): Promise<void> {
  await page.keyboard.press("Escape");
  await expect(dialog(page)).toBeHidden();
}

const accountDialogs = ["Edit profile", "Change password", "Keyboard shortcuts"];
const sidebarDialogs = ["New room", "Browse rooms", "Invite people", "Go to a room"];
const roomDialogs = ["Name and topic", "Add people", "Archive room", "Leave room"];

for (const colorScheme of ["light", "dark"] as const) {
  test.describe(colorScheme, () => {
    test.use({ colorScheme, contextOptions: { reducedMotion: "reduce" } });

    test("axe finds nothing serious on the pages before one is signed in", async ({ server, owner, browser }) => {
      const link = await inviteLink(owner);
      const context = await browser.newContext({ colorScheme, reducedMotion: "reduce" });
      const page = await context.newPage();
      await page.goto(server.url);
      await page.getByLabel("Name or email").fill("ann");
      await page.getByLabel("Password", { exact: true }).fill("not the one");
      await page.getByRole("button", { name: "Sign in" }).click();
      await expect(page.getByRole("alert")).toBeVisible();
      await check(page, "sign-in, refused");
      for (const [view, address, words] of [
        ["invite", link, "ann invites you."],
        ["invite, gone", `${server.url}/invite#gone`, "no longer works"],
        ["owner", `${server.url}/owner#secret`, "You are the first one here."],
      ] as const) {
        await page.goto(server.url);
        await page.goto(address);
        await expect(page.getByText(words).first()).toBeVisible();
        await check(page, view);
      }
      await page.goto(link);
      await page.getByRole("button", { name: "Create account" }).click();
      await expect(page.getByText("Choose a name.")).toBeVisible();
      await check(page, "invite, errors");
    });

    test("axe finds nothing serious in a room, its panels, menus and dialogs", async ({ server, owner, browser }) => {
      test.setTimeout(120_000);
      await check(owner, "room, empty");
      const bob = await pageOf(server, browser, await server.person("bob"));
      await openRoom(bob, "general");
      for (const [page, text] of [[owner, "a first word"], [bob, "https://example.org answered"], [owner, "edited away"]] as const) await write(page, text);
      await expect(message(owner, "edited away")).toBeVisible();
      await message(owner, "edited away").hover();
      await check(owner, "room, a message pointed at");
      await message(owner, "edited away").getByRole("button", { name: "Delete", exact: true }).click();
      await check(owner, "delete a message");
      await dialog(owner).getByRole("button", { name: "Delete message" }).click();
      await composer(bob).pressSequentially("typing");
      await expect(owner.getByText("bob is typing…")).toBeVisible();
      await check(owner, "room, typing");
      await owner.getByRole("button", { name: /2 members/ }).click();
      await expect(owner.getByRole("complementary", { name: "Members" })).toContainText("bob");
      await check(owner, "members");

      for (const name of sidebarDialogs) {
        await sidebar(owner).getByRole("button", { name, exact: name !== "Go to a room" }).click();
        await expect(dialog(owner)).toBeVisible();
        await check(owner, name);
        await closeDialog(owner);
      }
      for (const name of roomDialogs) {
        await menu(owner, "Room menu", name);
        await expect(dialog(owner)).toBeVisible();
        await check(owner, name);
        await closeDialog(owner);
      }
      for (const name of accountDialogs) {
        await accountMenu(owner, new RegExp(`^${name}`));
        await expect(dialog(owner)).toBeVisible();
        await check(owner, name);
        await closeDialog(owner);
      }
      await owner.getByRole("button", { name: "Room menu" }).click();
      await check(owner, "room menu");
      await owner.keyboard.press("Escape");
      await owner.locator(".account").click();
      await check(owner, "account menu");
      await owner.keyboard.press("Escape");
      await owner.context().setOffline(true);
      await expect(owner.getByText("You are offline.")).toBeVisible();
      await write(owner, "in the dark");
      await expect(owner.getByText("Waiting for the connection")).toBeVisible();
      await check(owner, "room, offline");
      await owner.context().setOffline(false);
      await owner.goto(`${server.url}/rooms/nowhere`);
      await expect(owner.getByText("This room is not here")).toBeVisible();
      await check(owner, "no such room");
    });
  });
}

test("with the keyboard alone: sign in, find a room, write, edit", async ({ server, browser }) => {
  await server.person("ann", "owner");
  const { page } = await newPage(browser);
  const { keyboard } = page;
  await page.goto(server.url);
  await expect(page.getByLabel("Name or email")).toBeFocused();
  await keyboard.type("ann");
  await keyboard.press("Tab");
  await keyboard.type(password);
  await keyboard.press("Enter");
  await expect(sidebar(page)).toBeVisible();
  await keyboard.press("Control+k");
  await expect(dialog(page).getByRole("combobox").or(dialog(page).getByLabel("Room name"))).toBeFocused();
  await keyboard.type("gen");
  await keyboard.press("Enter");
  await expect(roomHeading(page, "general")).toBeVisible();
  for (let presses = 0; presses < 30 && !(await composer(page).evaluate((box) => box === document.activeElement)); presses += 1) await keyboard.press("Tab");
  await expect(composer(page)).toBeFocused();
  await keyboard.type("written with the keybord");
  await keyboard.press("Enter");
  await expect(message(page, "written with the keybord")).toBeVisible();
  await expect(page.locator(".message-pending")).toHaveCount(0);
  await keyboard.press("ArrowUp");
  await expect(page.getByText("Editing your message")).toBeVisible();
  await keyboard.press("Control+a");
  await keyboard.type("written with the keyboard");
  await keyboard.press("Enter");
  await expect(message(page, "written with the keyboard").or(page.getByText("written with the keyboard (edited)")).first()).toBeVisible();
  await expect(composer(page)).toBeFocused();
  await keyboard.press("Shift+Tab");
  await expect(page.locator("article:focus, article button:focus")).toHaveCount(1);
});

test("new messages are told by a small polite region that is not the list", async ({ server, owner, browser }) => {
  const bob = await pageOf(server, browser, await server.person("bob"));
  await openRoom(bob, "general");
  await write(bob, "can you hear me?");
  const live = owner.getByRole("log");
  await expect(live).toContainText("bob: can you hear me?");
  await expect(live).toHaveAttribute("aria-live", "polite");
  await expect(message(owner, "can you hear me?")).toBeVisible();
  /* No live region holds a message, and none of the list's parents is one. */
  await expect(owner.locator("[aria-live] article, [role=log] article, [role=status] article, [role=alert] article")).toHaveCount(0);
  await write(owner, "not told to oneself");
  await expect(message(owner, "not told to oneself")).toBeVisible();
  await expect(live).not.toContainText("not told");
});
