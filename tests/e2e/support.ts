/* What the browser tests share: a server for each test, people who sign up through the pages, and what one sees in a room. */
import { existsSync } from "node:fs";
import { test as base, expect, type Browser, type BrowserContext, type Locator, type Page, type PlaywrightTestOptions, type PlaywrightWorkerOptions } from "@playwright/test";
import { Server, type Person } from "../integration/harness.ts";

export { expect, type Page };

export const password = "correct horse";

export const chromium: Partial<PlaywrightTestOptions & PlaywrightWorkerOptions> = {
  browserName: "chromium",
  locale: "en-GB",
  viewport: { width: 1280, height: 800 },
  trace: "off",
  launchOptions: {
    executablePath: ["/usr/bin/chromium", "/usr/bin/chromium-browser"].find((path) => existsSync(path)) ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking", "--disable-component-update"],
  },
};

interface Fixtures {
  /** Options of the server, after the harness's. */
  serverOptions: string[];
  server: Server;
  /** A page whose person is the owner, in #general. */
  owner: Page;
}

export const test = base.extend<Fixtures>({
  serverOptions: [[], { option: true }],
  server: async ({ serverOptions }, use) => {
    const server = await Server.start(serverOptions);
    await use(server);
    await server.end();
  },
  owner: async ({ server, page }, use) => {
    await claim(server, page);
    await use(page);
  },
});

export async function fillAccount(page: Page, name: string): Promise<void> {
  await page.getByLabel("Name", { exact: true }).fill(name);
  await page.getByLabel("Password", { exact: true }).fill(password);
}

/** The first person of the workspace, by the one-time link. Ends in #general. */
export async function claim(server: Server, page: Page, name = "ann"): Promise<void> {
  await page.goto(await server.ownerLink());
  await fillAccount(page, name);
  await page.getByRole("button", { name: "Create workspace" }).click();
  await openRoom(page, "general");
}

export async function signIn(server: Server, page: Page, name: string, secret = password): Promise<void> {
  await page.goto(server.url);
  await page.getByLabel("Name or email").fill(name);
  await page.getByLabel("Password", { exact: true }).fill(secret);
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(sidebar(page)).toBeVisible();
}

export async function signUp(page: Page, link: string, name: string): Promise<void> {
  await page.goto(link);
  await fillAccount(page, name);
  await page.getByRole("button", { name: "Create account" }).click();
  await expect(sidebar(page)).toBeVisible();
}

/** A person whom the harness made, signed in with a browser of their own. */
export async function pageOf(server: Server, browser: Browser, person: Person): Promise<Page> {
  const context = await browser.newContext();
  const page = await context.newPage();
  await signIn(server, page, person.name);
  return page;
}

export async function newPage(browser: Browser): Promise<{ context: BrowserContext; page: Page }> {
  const context = await browser.newContext();
  return { context, page: await context.newPage() };
}

export const sidebar = (page: Page): Locator => page.getByRole("navigation", { name: "Rooms" });
export const roomLink = (page: Page, name: string): Locator => sidebar(page).getByRole("link").filter({ has: page.getByText(name, { exact: true }) });
export const composer = (page: Page): Locator => page.getByRole("textbox", { name: /^Message / });
export const articles = (page: Page): Locator => page.locator("article");
export const message = (page: Page, text: string): Locator => articles(page).filter({ has: page.locator(".message-text").getByText(text, { exact: true }) });
export const dialog = (page: Page): Locator => page.getByRole("dialog");
/** The name at the head of an open room. */
export const roomHeading = (page: Page, name: string): Locator => page.getByRole("heading", { level: 1 }).filter({ has: page.getByText(name, { exact: true }) });
export const heading = (page: Page, name: string): Locator => page.getByRole("heading", { level: 1, name, exact: true });

export async function openRoom(page: Page, name: string): Promise<void> {
  await roomLink(page, name).click();
  await expect(roomHeading(page, name)).toBeVisible();
}

export async function write(page: Page, text: string): Promise<void> {
  await composer(page).fill(text);
  await composer(page).press("Enter");
}

/** The texts that stand in the page, from top to bottom. */
export const texts = (page: Page): Promise<string[]> => page.locator("article .message-text").allInnerTexts();

export async function menu(page: Page, opener: string, item: string): Promise<void> {
  await page.getByRole("button", { name: opener, exact: true }).click();
  await page.getByRole("menuitem", { name: item, exact: true }).click();
}

export async function accountMenu(page: Page, item: string | RegExp): Promise<void> {
  await page.locator(".account").click();
  await page.getByRole("menuitem", { name: item }).or(page.getByRole("menuitemradio", { name: item })).click();
}

/** Makes an invite link through the dialog. */
export async function inviteLink(page: Page): Promise<string> {
  await sidebar(page).getByRole("button", { name: "Invite people" }).click();
  await dialog(page).getByRole("button", { name: "Create link" }).click();
  const field = dialog(page).getByRole("textbox", { name: "Your link" });
  await expect(field).toHaveValue(/#/);
  const link = await field.inputValue();
  await page.keyboard.press("Escape");
  await expect(dialog(page)).toBeHidden();
  return link;
}
