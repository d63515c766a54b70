/* Every operation has its place in the client: done there, and seen by whoever else is concerned. */
import {
  accountMenu,
  articles,
  claim,
  dialog,
  expect,
  fillAccount,
  heading,
  inviteLink,
  menu,
  message,
  newPage,
  openRoom,
  pageOf,
  password,
  roomHeading,
  roomLink,
  sidebar,
  signIn,
  signUp,
  test,
  write,
  type Page,
} from "./support.ts";

async function act(page: Page, text: string, name: "Edit" | "Delete"): Promise<void> {
  await message(page, text).hover();
  await message(page, text).getByRole("button", { name, exact: true }).click();
}

test("a message is edited and deleted, and the others see it", async ({ server, owner, browser }) => {
  const bob = await pageOf(server, browser, await server.person("bob"));
  await openRoom(bob, "general");
  await write(owner, "a first thought");
  await write(owner, "a thought to be taken back");
  await expect(message(bob, "a first thought")).toBeVisible();
  await message(bob, "a first thought").hover();
  await expect(bob.getByRole("button", { name: "Edit", exact: true })).toHaveCount(0);

  await act(owner, "a first thought", "Edit");
  await expect(owner.getByText("Editing your message")).toBeVisible();
  const box = owner.getByRole("textbox", { name: "Message general" });
  await expect(box).toHaveValue("a first thought");
  await box.fill("a second thought");
  await box.press("Enter");
  for (const page of [owner, bob]) {
    await expect(articles(page).filter({ hasText: "a second thought" })).toContainText("(edited)");
    await expect(page.getByText("a first thought")).toHaveCount(0);
  }

  await act(owner, "a thought to be taken back", "Delete");
  await dialog(owner).getByRole("button", { name: "Delete message" }).click();
  for (const page of [owner, bob]) {
    await expect(page.getByText("Message deleted")).toBeVisible();
    await expect(page.getByText("a thought to be taken back")).toHaveCount(0);
  }
});

test("rooms are made, browsed, joined, left, renamed, given a topic, archived and brought back", async ({ server, owner, browser }) => {
  const bob = await pageOf(server, browser, await server.person("bob"));
  await sidebar(owner).getByRole("button", { name: "New room" }).click();
  await dialog(owner).getByRole("button", { name: "Create room" }).click();
  await expect(dialog(owner).getByText("Give the room a name.")).toBeVisible();
  await dialog(owner).getByLabel("Name", { exact: true }).fill("garden");
  await dialog(owner).getByLabel("Topic").fill("Beds and bees");
  await dialog(owner).getByRole("button", { name: "Create room" }).click();
  await expect(roomHeading(owner, "garden")).toBeVisible();
  await expect(owner.getByText("Beds and bees")).toBeVisible();

  await sidebar(bob).getByRole("button", { name: "Browse rooms" }).click();
  await dialog(bob).getByLabel("Find a room").fill("bees");
  await dialog(bob).getByRole("button", { name: "Join: garden" }).click();
  await expect(roomHeading(bob, "garden")).toBeVisible();
  await expect(owner.getByRole("button", { name: /2 members/ })).toBeVisible();
  await write(bob, "hello from bob");
  await expect(message(owner, "hello from bob")).toBeVisible();

  await menu(owner, "Room menu", "Name and topic");
  await dialog(owner).getByLabel("Name", { exact: true }).fill("allotment");
  await dialog(owner).getByLabel("Topic").fill("");
  await dialog(owner).getByRole("button", { name: "Save" }).click();
  for (const page of [owner, bob]) {
    await expect(roomHeading(page, "allotment")).toBeVisible();
    await expect(roomLink(page, "allotment")).toBeVisible();
    await expect(page.getByText("Beds and bees")).toHaveCount(0);
  }
  await expect(bob.getByRole("button", { name: "Room menu" })).toBeVisible();

  await menu(owner, "Room menu", "Archive room");
  await dialog(owner).getByRole("button", { name: "Archive room" }).click();
  for (const page of [owner, bob]) await expect(page.getByText("This room is archived.")).toBeVisible();
  await expect(message(bob, "hello from bob")).toBeVisible();
  await menu(owner, "Room menu", "Bring back");
  await expect(bob.getByRole("textbox", { name: "Message allotment" })).toBeVisible();

  await menu(bob, "Room menu", "Leave room");
  await dialog(bob).getByRole("button", { name: "Leave room" }).click();
  await expect(roomLink(bob, "allotment")).toHaveCount(0);
  await expect(owner.getByRole("button", { name: /1 member/ })).toBeVisible();
});

test("a private room: made, its people added and removed", async ({ server, owner, browser }) => {
  const bob = await pageOf(server, browser, await server.person("bob"));
  await sidebar(owner).getByRole("button", { name: "New room" }).click();
  await dialog(owner).getByLabel("Name", { exact: true }).fill("cellar");
  await dialog(owner).getByRole("switch", { name: "Private" }).click();
  await dialog(owner).getByRole("button", { name: "Create room" }).click();
  await expect(roomHeading(owner, "cellar")).toBeVisible();
  await write(owner, "before bob came");

  await sidebar(bob).getByRole("button", { name: "Browse rooms" }).click();
  await expect(dialog(bob).getByRole("button", { name: "Open: general" })).toBeVisible();
  await expect(dialog(bob).getByText("cellar")).toHaveCount(0);
  await bob.keyboard.press("Escape");

  await menu(owner, "Room menu", "Add people");
  await dialog(owner).getByLabel("Find people by name").fill("bo");
  await dialog(owner).getByRole("button", { name: "Add: bob" }).click();
  await expect(dialog(owner).getByText("In this room")).toHaveCount(1);
  await owner.keyboard.press("Escape");
  await openRoom(bob, "cellar");
  await expect(bob.getByText("Nothing written yet")).toBeVisible();
  await write(owner, "after bob came");
  await expect(message(bob, "after bob came")).toBeVisible();
  await expect(bob.getByText("before bob came")).toHaveCount(0);

  await owner.getByRole("button", { name: /2 members/ }).click();
  const members = owner.getByRole("complementary", { name: "Members" });
  await members.getByRole("listitem").filter({ hasText: "bob" }).hover();
  await members.getByRole("button", { name: "Remove from room: bob" }).click();
  await dialog(owner).getByRole("button", { name: "Remove", exact: true }).click();
  await expect(roomLink(bob, "cellar")).toHaveCount(0);
  await expect(bob.getByText("This room is not here")).toBeVisible();
  await expect(members.getByText("bob")).toHaveCount(0);
});

test("invites are made, listed and revoked; the page says who invites, and explains a link that no longer works", async ({ server, owner, browser }) => {
  const link = await inviteLink(owner);
  const { page } = await newPage(browser);
  await page.goto(link);
  await expect(page.getByText("ann invites you.")).toBeVisible();
  expect(page.url()).not.toContain("#");

  await sidebar(owner).getByRole("button", { name: "Invite people" }).click();
  await expect(dialog(owner).getByText("Member · 1 use left")).toBeVisible();
  await dialog(owner).getByRole("button", { name: "Revoke" }).click();
  await expect(dialog(owner).getByText("No working links.")).toBeVisible();
  await owner.keyboard.press("Escape");

  /* It went while the form was being filled in. */
  await fillAccount(page, "late");
  await page.getByRole("button", { name: "Create account" }).click();
  await expect(heading(page, "This invite no longer works")).toBeVisible();
  await page.goto(server.url);
  await page.goto(link);
  await expect(page.getByText("It has expired, was used up or was revoked.")).toBeVisible();

  /* A used one too, and one that lost its end. */
  const once = await inviteLink(owner);
  await page.goto(server.url);
  await signUp(page, once, "carol");
  const { page: second } = await newPage(browser);
  await second.goto(once);
  await expect(heading(second, "This invite no longer works")).toBeVisible();
  await second.goto(`${server.url}/invite`);
  await expect(heading(second, "This link is incomplete")).toBeVisible();
});

test("a taken name is said at the form, and another goes", async ({ owner, browser }) => {
  const { page } = await newPage(browser);
  await page.goto(await inviteLink(owner));
  await fillAccount(page, "Ann");
  await page.getByRole("button", { name: "Create account" }).click();
  await expect(page.getByRole("alert")).toContainText("This name is taken");
  await fillAccount(page, "dora");
  await page.getByRole("button", { name: "Create account" }).click();
  await expect(roomLink(page, "general")).toBeVisible();
});

test("the own profile changes everywhere at once", async ({ server, owner, browser }) => {
  const bob = await pageOf(server, browser, await server.person("bob"));
  await openRoom(bob, "general");
  await write(owner, "who am I?");
  await expect(articles(bob).filter({ hasText: "who am I?" })).toContainText("ann");
  await accountMenu(owner, "Edit profile");
  await dialog(owner).getByLabel("Full name").fill("Ann Arbour");
  await dialog(owner).getByLabel("Email").fill("ann@example.org");
  await dialog(owner).getByLabel("Status").fill("in the garden");
  await dialog(owner).getByLabel("About you").fill("See https://example.org");
  await dialog(owner).getByRole("button", { name: "Save profile" }).click();
  await expect(dialog(owner)).toBeHidden();
  await expect(owner.locator(".account")).toContainText("Ann Arbour");
  await expect(owner.locator(".account")).toContainText("in the garden");
  await articles(bob).getByRole("button", { name: "Ann Arbour" }).click();
  await expect(dialog(bob).getByText("in the garden")).toBeVisible();
  await expect(dialog(bob).getByRole("link", { name: "https://example.org" })).toHaveAttribute("rel", /noopener/);
});

test("the password changes, ends the other sessions, and one signs in again with the new one or by e-mail", async ({ server, owner, browser }) => {
  const { page: other } = await newPage(browser);
  await signIn(server, other, "ann");
  const changed = "battery staple";
  await accountMenu(owner, "Change password");
  await dialog(owner).getByLabel("Present password").fill("not the one");
  await dialog(owner).getByLabel("New password").fill(changed);
  await dialog(owner).getByRole("button", { name: "Change password" }).click();
  await expect(dialog(owner).getByRole("alert")).toContainText("The present password is wrong.");
  await dialog(owner).getByLabel("Present password").fill(password);
  await dialog(owner).getByRole("button", { name: "Change password" }).click();
  await expect(dialog(owner).getByText("Password changed.")).toBeVisible();
  await expect(heading(other, "Sign in to Parley")).toBeVisible();
  await dialog(owner).getByRole("contentinfo").or(dialog(owner).locator(".dialog-actions")).getByRole("button", { name: "Close" }).click();

  await accountMenu(owner, "Edit profile");
  await dialog(owner).getByLabel("Email").fill("ann@example.org");
  await dialog(owner).getByRole("button", { name: "Save profile" }).click();
  await expect(dialog(owner)).toBeHidden();
  await accountMenu(owner, "Sign out");
  await expect(heading(owner, "Sign in to Parley")).toBeVisible();
  await owner.getByLabel("Name or email").fill("ann");
  await owner.getByLabel("Password", { exact: true }).fill(password);
  await owner.getByRole("button", { name: "Sign in" }).click();
  await expect(owner.getByRole("alert")).toContainText("Wrong name or password.");
  await signIn(server, owner, "ANN@example.org", changed);
  await openRoom(owner, "general");
});

test("the owner's link works once and says so", async ({ server, page, browser }) => {
  const link = await server.ownerLink();
  await claim(server, page);
  const { page: second } = await newPage(browser);
  await second.goto(link);
  await fillAccount(second, "mallory");
  await second.getByRole("button", { name: "Create workspace" }).click();
  await expect(heading(second, "This workspace has an owner").or(heading(second, "This link no longer works"))).toBeVisible();
  await second.getByRole("link", { name: "Go to sign in" }).click();
  await expect(heading(second, "Sign in to Parley")).toBeVisible();
});

test("a guest sees only what they were added to; a member invites nobody", async ({ server, owner, browser }) => {
  const guest = await pageOf(server, browser, await server.person("gus", "guest"));
  await expect(guest.getByRole("main").getByText("Nobody has added you to a room yet.")).toBeVisible();
  await expect(sidebar(guest).getByRole("button", { name: "Browse rooms" })).toHaveCount(0);
  const bob = await pageOf(server, browser, await server.person("bob"));
  await openRoom(bob, "general");
  await expect(sidebar(bob).getByRole("button", { name: "Invite people" })).toHaveCount(0);
  await menu(owner, "Room menu", "Add people");
  await dialog(owner).getByRole("button", { name: "Add: gus" }).click();
  await openRoom(guest, "general");
  await write(guest, "thank you");
  await expect(message(bob, "thank you")).toBeVisible();
});
