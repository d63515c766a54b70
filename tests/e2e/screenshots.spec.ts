/* Not a test but a camera: screenshots/<view>.<light|dark|phone|phone-dark>.png, taken of the real server. */
import { fileURLToPath } from "node:url";
import type { Person, Server } from "../integration/harness.ts";
import { accountMenu, claim, composer, dialog, expect, fillAccount, menu, openRoom, roomHeading, sidebar, signIn, test, write, type Page } from "./support.ts";

const folder = fileURLToPath(new URL("../../screenshots/", import.meta.url));

async function shoot(page: Page, view: string): Promise<void> {
  await page.evaluate(() => document.fonts.ready);
  await page.evaluate(() => new Promise<void>((done) => requestAnimationFrame(() => requestAnimationFrame(() => done()))));
  await page.screenshot({ path: `${folder}${view}.${test.info().project.name}.png`, animations: "disabled", caret: "hide" });
}

const onPhone = (): boolean => test.info().project.name.startsWith("phone");

/* ---- people and what they say ---- */

const team = [
  ["ann", "Ann Arbour"],
  ["bela", "Béla Horváth"],
  ["chidi", "Chidi Okafor"],
  ["dana", "Dana Whitfield"],
  ["emre", "Emre Yılmaz"],
  ["fatima", "فاطمة الزهراء"],
  ["grace", "Grace"],
] as const;

const talk: readonly (readonly [number, string])[] = [
  [1, "Morning! The seed order came, all but the beans."],
  [1, "They say Thursday."],
  [2, "Good. I can take the van on Thursday, it has to go to the garage anyway"],
  [0, "Please ask them about the left mirror too. The estimate is here: https://example.org/estimates/2026/van?item=mirror-left&page=2"],
  [3, "👍"],
  [4, "Who waters the greenhouse over the weekend?"],
  [0, "I do, Saturday and Sunday both."],
  [5, "شكرا جزيلا، سأكون هناك يوم الاثنين"],
  [6, "Two things for Monday:\n1. the compost\n2. a list of what the school wants from us"],
  [2, "The school wants:\n– 30 trays of radish\n– somebody who explains bees to eight-year-olds"],
  [3, "The second one is you, Chidi."],
  [2, "🐝🐝🐝"],
  [0, "Settled, then."],
];

const longWord = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft".repeat(3);
const longName = "Maximiliana Alexandrowna von und zu Hohenzollern-Sigmaringen the Third of Her Name";

async function people(server: Server): Promise<Person[]> {
  const all = [];
  for (const [at, [name, shown]] of team.entries()) {
    const person = await server.person(name, at === 0 ? "owner" : "member");
    await person.ask("PATCH", "/me", { display_name: shown, ...(at % 2 === 0 ? { status: "In the greenhouse" } : {}) });
    all.push(person);
  }
  return all;
}

async function converse(all: readonly Person[], room: string): Promise<void> {
  for (const [by, text] of talk) await all[by]?.send(room, text);
}

interface House {
  server: Server;
  page: Page;
  all: Person[];
  general: string;
}

/** A workspace in use, seen by its owner. */
async function inUse(server: Server, page: Page): Promise<House> {
  const all = await people(server);
  const [ann, bela] = all;
  if (!ann || !bela) throw new Error("nobody");
  const general = await ann.room("general");
  for (const name of ["greenhouse", "van", "bees and other small people", "school", "accounts 2026", "recipes"]) await ann.makeRoom(name, name.startsWith("accounts"));
  await ann.ask("PATCH", `/rooms/${general}`, { topic: "What everybody should know" });
  await converse(all, general);
  const van = await ann.room("van");
  await bela.ask("POST", `/rooms/${van}/join`);
  for (let count = 0; count < 3; count += 1) await bela.send(van, `Mirror, part ${String(count + 1)}`);
  for (const person of all.slice(1, 4)) await person.listen();
  await signIn(server, page, "ann");
  return { server, page, all, general };
}

async function closeDialog(page: Page): Promise<void> {
  await page.keyboard.press("Escape");
  await expect(dialog(page)).toBeHidden();
}

const home = async (page: Page, server: Server): Promise<void> => {
  await page.goto(server.url);
  await expect(sidebar(page)).toBeVisible();
};

/* ---- the views ---- */

test("before one is signed in", async ({ server, page }) => {
  const owner = await server.ownerLink();
  await page.goto(owner);
  await expect(page.getByLabel("Name", { exact: true })).toBeVisible();
  await shoot(page, "owner.empty");
  await fillAccount(page, "ann");
  await page.getByLabel("Full name").fill(longName);
  await shoot(page, "owner.full");
  await page.getByRole("button", { name: "Create workspace" }).click();
  await expect(sidebar(page)).toBeVisible();
  const invite = (await (await page.request.post(`${server.url}/api/v1/invites`, { data: { role: "member", uses: 5, expires_in: 86400 }, headers: { origin: server.url } })).json()) as { url: string };

  await page.context().clearCookies();
  await page.goto(server.url);
  await expect(page.getByLabel("Name or email")).toBeVisible();
  await shoot(page, "sign-in.empty");
  await page.getByLabel("Name or email").fill("ann");
  await page.getByLabel("Password", { exact: true }).fill("not the one");
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByRole("alert")).toBeVisible();
  await shoot(page, "sign-in.error");

  for (const [view, link, words] of [
    ["invite.empty", invite.url, "invites you."],
    ["invite.gone", `${server.url}/invite#gone`, "no longer works"],
    ["invite.incomplete", `${server.url}/invite`, "This link is incomplete"],
  ] as const) {
    await page.goto(server.url);
    await page.goto(link);
    await expect(page.getByText(words).first()).toBeVisible();
    await shoot(page, view);
  }
  await page.goto(server.url);
  await page.goto(invite.url);
  await page.getByLabel("Password", { exact: true }).fill("short");
  await page.getByRole("button", { name: "Create account" }).click();
  await expect(page.getByText("Choose a name.")).toBeVisible();
  await shoot(page, "invite.error");
  await page.goto(server.url);
  await page.goto(`${server.url}/owner#used`);
  await fillAccount(page, "mallory");
  await page.getByRole("button", { name: "Create workspace" }).click();
  await expect(page.getByRole("link", { name: "Go to sign in" })).toBeVisible();
  await shoot(page, "owner.gone");
  await page.route("**/api/**", (route) => route.abort());
  await page.goto(server.url);
  await expect(page.getByText("Parley cannot be reached")).toBeVisible();
  await shoot(page, "unreachable");
});

test("an empty workspace", async ({ server, page }) => {
  await claim(server, page);
  await expect(page.getByText("Nothing written yet")).toBeVisible();
  await shoot(page, "room.empty");
  await home(page, server);
  await shoot(page, "home.empty");
  for (const [name, view] of [["Browse rooms", "browse.empty"], ["Invite people", "invites.empty"], ["New room", "new-room.empty"]] as const) {
    await sidebar(page).getByRole("button", { name }).click();
    await expect(dialog(page)).toBeVisible();
    await expect(dialog(page).locator(".skeleton")).toHaveCount(0);
    await shoot(page, view);
    if (name === "New room") {
      await dialog(page).getByRole("button", { name: "Create room" }).click();
      await expect(dialog(page).getByText("Give the room a name.")).toBeVisible();
      await shoot(page, "new-room.error");
    }
    await closeDialog(page);
  }
  await server.person("gus", "guest");
  await accountMenu(page, "Sign out");
  await signIn(server, page, "gus");
  await shoot(page, "home.guest");
});

test("a room in use", async ({ server, page }) => {
  const { all, general } = await inUse(server, page);
  await shoot(page, "home.full");
  await openRoom(page, "general");
  await expect(page.getByText("Settled, then.")).toBeVisible();
  await shoot(page, "room.full");
  if (!onPhone()) {
    await page.getByText("Settled, then.").hover();
    await shoot(page, "room.pointed");
  }
  await composer(page).focus();
  await page.keyboard.press("ArrowUp");
  await expect(page.getByText("Editing your message")).toBeVisible();
  await shoot(page, "room.editing");
  await page.keyboard.press("Escape");

  const typists = await Promise.all(all.slice(1, 3).map((person) => person.listen()));
  for (const one of typists) await one.result("typing.start", { room: general });
  await expect(page.getByText("are typing…")).toBeVisible();
  await shoot(page, "room.typing");

  await page.getByRole("button", { name: /members/ }).click();
  await expect(page.getByRole("complementary", { name: "Members" })).toContainText("Chidi Okafor");
  await shoot(page, "members.full");
  await page.getByRole("complementary", { name: "Members" }).getByRole("button", { name: "Hide members" }).click();
  await page.getByRole("button", { name: "Room menu" }).click();
  await shoot(page, "room-menu");
  await page.keyboard.press("Escape");
  for (const [item, view] of [["Name and topic", "edit-room"], ["Add people", "add-people"], ["Archive room", "archive-room"], ["Leave room", "leave-room"]] as const) {
    await menu(page, "Room menu", item);
    await expect(dialog(page)).toBeVisible();
    await expect(dialog(page).locator(".skeleton")).toHaveCount(0);
    await shoot(page, `${view}.full`);
    await closeDialog(page);
  }
  await page.getByRole("button", { name: "Chidi Okafor" }).last().click();
  await expect(dialog(page).getByText("@chidi")).toBeVisible();
  await shoot(page, "person.full");
  await closeDialog(page);
  await composer(page).fill("x".repeat(4010));
  await shoot(page, "composer.error");
  await composer(page).fill("");

  await page.context().setOffline(true);
  await expect(page.getByText("You are offline.")).toBeVisible();
  await write(page, "Written in the dark");
  await expect(page.getByText("Waiting for the connection")).toBeVisible();
  await shoot(page, "room.offline");
  await page.context().setOffline(false);
  await expect(page.getByText("Waiting for the connection")).toBeHidden();
  await server.kill();
  await expect(page.getByRole("region", { name: "Connection" })).toBeVisible();
  await shoot(page, "room.reconnecting");
});

test("the house in use", async ({ server, page }) => {
  const { all } = await inUse(server, page);
  await page.locator(".account").click();
  await shoot(page, "account-menu");
  await page.keyboard.press("Escape");
  for (const [item, view] of [["Edit profile", "profile"], ["Change password", "password"], ["Keyboard shortcuts", "help"]] as const) {
    await accountMenu(page, new RegExp(`^${item}`));
    await expect(dialog(page)).toBeVisible();
    await shoot(page, `${view}.full`);
    if (view === "password") {
      await dialog(page).getByLabel("New password").fill("short");
      await dialog(page).getByRole("button", { name: "Change password" }).click();
      await expect(dialog(page).getByText("Use at least 8 characters.")).toBeVisible();
      await shoot(page, "password.error");
    }
    await closeDialog(page);
  }
  await sidebar(page).getByRole("button", { name: "Invite people" }).click();
  await dialog(page).getByRole("button", { name: "Create link" }).click();
  await expect(dialog(page).getByRole("textbox", { name: "Your link" })).toBeVisible();
  await shoot(page, "invites.full");
  await dialog(page).getByLabel("For how many people").fill("0");
  await dialog(page).getByRole("button", { name: "Create link" }).click();
  await shoot(page, "invites.error");
  await closeDialog(page);
  await sidebar(page).getByRole("button", { name: "Browse rooms" }).click();
  await expect(dialog(page).getByText("greenhouse")).toBeVisible();
  await shoot(page, "browse.full");
  await closeDialog(page);
  await sidebar(page).getByRole("button", { name: "Go to a room" }).click();
  await expect(dialog(page)).toBeVisible();
  await shoot(page, "switcher.full");
  await closeDialog(page);
  await page.goto(`${server.url}/rooms/nowhere`);
  await expect(page.getByText("This room is not here")).toBeVisible();
  await shoot(page, "room.not-found");
  await page.goto(`${server.url}/nowhere`);
  await expect(page.getByText("There is no such page")).toBeVisible();
  await shoot(page, "page.not-found");
  const [ann] = all;
  const school = await ann?.room("school");
  await ann?.ask("POST", `/rooms/${school ?? ""}/archive`, { archived: true });
  await page.goto(`${server.url}/rooms/${school ?? ""}`);
  await expect(page.getByText("This room is archived.")).toBeVisible();
  await shoot(page, "room.archived");
});

test("the picture of the README", async ({ server, page }) => {
  test.skip(test.info().project.name !== "light", "one is enough");
  await page.setViewportSize({ width: 1280, height: 780 });
  const { all, general } = await inUse(server, page);
  await openRoom(page, "general");
  await expect(page.getByText("Settled, then.")).toBeVisible();
  const [, bela] = await Promise.all(all.slice(0, 2).map((person) => person.listen()));
  await bela?.result("typing.start", { room: general });
  await expect(page.getByText("is typing…")).toBeVisible();
  await page.getByRole("button", { name: /members/ }).click();
  await expect(page.getByRole("complementary", { name: "Members" })).toContainText("Chidi Okafor");
  await page.mouse.move(640, 2);
  await shoot(page, "readme");
});

test("long texts", async ({ server, page }) => {
  const ann = await server.person("ann", "owner");
  const max = await server.person("maximiliana-alexandrowna-hohenzollern");
  await max.ask("PATCH", "/me", { display_name: longName.slice(0, 80), status: longWord.slice(0, 100), bio: `${longWord} ${"and so on ".repeat(40)}` });
  const room = await ann.makeRoom("a room with a name that is as long as a name of a room can possibly be, or so it");
  await ann.ask("PATCH", `/rooms/${room}`, { topic: "A topic that goes on and on, because somebody wanted to put the whole agenda of the quarter into it, which is what people do when they are given a field that takes two hundred and fifty characters and nobody tells them to stop before they are through" });
  await max.ask("POST", `/rooms/${room}/join`);
  await max.send(room, longWord);
  await max.send(room, `https://example.org/${"very/long/path/".repeat(12)}?query=${longWord.slice(0, 200)}`);
  await ann.send(room, "Lorem ipsum dolor sit amet, consectetur adipiscing elit. ".repeat(20));
  await max.send(room, "one\n\n\ntwo\n\tindented\n        spaces      between");
  await max.listen();
  await signIn(server, page, "ann");
  await shoot(page, "home.long");
  await sidebar(page).getByRole("link").filter({ hasText: "a room with a name" }).click();
  await expect(roomHeading(page, "a room with a name that is as long as a name of a room can possibly be, or so it")).toBeVisible();
  await expect(page.getByText("indented")).toBeVisible();
  await shoot(page, "room.long");
  await page.getByRole("button", { name: /members/ }).click();
  await expect(page.getByRole("complementary", { name: "Members" })).toContainText("ann");
  await shoot(page, "members.long");
  await page.getByRole("complementary", { name: "Members" }).getByRole("button", { name: longName.slice(0, 20) }).first().click();
  await expect(dialog(page).getByText("@maximiliana")).toBeVisible();
  await shoot(page, "person.long");
  await closeDialog(page);
  await page.getByRole("complementary", { name: "Members" }).getByRole("button", { name: "Hide members" }).click();
  await menu(page, "Room menu", "Leave room");
  await expect(dialog(page)).toBeVisible();
  await shoot(page, "leave-room.long");
  await closeDialog(page);
  await composer(page).fill("A draft that is long.\n".repeat(30));
  await shoot(page, "composer.long");
});

const code = `static enum err page_of(struct tx *tx, const struct message_list_params *in,
                        struct message_range range, int64_t limit, struct message_list *out) {
    int64_t seq = 0;
    enum err err = ERR_OK;
    if (in->around.len > 0) {
        err = parse_seq(in->around, &seq);
        return err == ERR_OK ? page_around(tx, &range, seq, limit, out) : err;
    }
`;

test("much of everything", async ({ server, page }) => {
  const all = await people(server);
  const [ann, bela] = all;
  if (!ann || !bela) throw new Error("nobody");
  const general = await ann.room("general");
  for (let count = 1; count <= 200; count += 1) await ann.makeRoom(`project ${String(count)}`, count % 9 === 0);
  const busy = await ann.makeRoom("project in a hurry");
  await bela.ask("POST", `/rooms/${busy}/join`);
  for (let count = 1; count <= 130; count += 1) await bela.send(busy, `Line ${String(count)} of a long day`);
  for (let count = 0; count < 4; count += 1) await bela.send(general, code);
  await signIn(server, page, "ann");
  await shoot(page, "home.many");
  await openRoom(page, "general");
  await expect(page.getByText("parse_seq").first()).toBeVisible();
  const typists = await Promise.all(all.slice(1, 6).map((person) => person.listen()));
  for (const one of typists) await one.result("typing.start", { room: general });
  await expect(page.getByText("are typing…")).toBeVisible();
  await shoot(page, "room.code");
  await page.setViewportSize(onPhone() ? { width: 360, height: 740 } : { width: 1920, height: 1080 });
  await shoot(page, "room.wide");
  await page.goto(`${server.url}/rooms/${busy}`);
  await expect(page.getByText("Line 130 of a long day")).toBeVisible();
  await shoot(page, "room.many");
});
