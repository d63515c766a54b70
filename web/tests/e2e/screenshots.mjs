/* Writes every view × light, dark, phone (× empty, full, error, long) as PNG files to screenshots/ at the repository's root,
   and runs axe on each: anything serious ends it with an error.

   PARLEY_URL=http://…   the address of the pages; without it a server with the fixture store is started
   PARLEY_CHROMIUM=…     the browser (default /usr/bin/chromium)
   ONLY=name             only the views whose name holds this */
import { createRequire } from "node:module";
import { mkdir, readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const output = fileURLToPath(new URL("../../../screenshots/", import.meta.url));
const port = 5178;
const only = process.env.ONLY ?? "";
const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

const wide = { width: 1440, height: 900 };
const phone = { width: 360, height: 740 };
const tablet = { width: 820, height: 1100 };

const openMenu = (name) => (page) => page.getByRole("button", { name, exact: true }).click();
const account = (item) => async (page) => {
  await page.locator(".account").click();
  await page.getByRole("menuitem", { name: item }).click();
};
const roomMenu = (item) => async (page) => {
  await openMenu("Room menu")(page);
  if (item) await page.getByRole("menuitem", { name: item }).click();
};

/* A dialog's or panel's code is fetched when it is first opened. */
const shows = (selector, act) => async (page) => {
  await act(page);
  await page.locator(selector).first().waitFor();
};
const dialog = (act) => shows("dialog[open] .dialog-title", act);

const everywhere = ["light", "dark", "phone"];
/* name, fixture, path, what is done, where */
const views = [
  ["sign-in", "signed-out", "/", null, everywhere],
  ["sign-in-error", "signed-out", "/", async (page) => {
    await page.getByLabel("Name or email").fill("ann");
    await page.getByLabel("Password", { exact: true }).fill("not the one");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("alert").waitFor();
  }, everywhere],
  ["owner", "signed-out", "/owner#secret", null, everywhere],
  ["owner-incomplete", "signed-out", "/owner", null, ["light"]],
  ["invite", "signed-out", "/invite#secret", (page) => page.getByLabel("Name", { exact: true }).waitFor(), everywhere],
  ["invite-errors", "signed-out", "/invite#secret", async (page) => {
    await page.getByLabel("Password").fill("short");
    await page.getByRole("button", { name: "Create account" }).click();
  }, ["light", "dark"]],
  ["invite-expired", "signed-out", "/invite#expired", (page) => page.getByText("no longer works").waitFor(), everywhere],
  ["unreachable", "unreachable", "/", null, ["light", "dark"]],
  ["home-empty", "empty", "/", null, everywhere],
  ["home", "full", "/", null, everywhere],
  ["room", "full", "/rooms/room-0", null, [...everywhere, "tablet"]],
  ["room-unread", "full", "/rooms/room-4", null, ["light", "dark"]],
  ["room-hover", "full", "/rooms/room-0", (page) => page.locator("article").nth(-3).hover(), ["light", "dark"]],
  ["room-focus", "full", "/rooms/room-0", async (page) => {
    await page.locator("article").last().focus();
    await page.keyboard.press("ArrowUp");
  }, ["light"]],
  ["room-editing", "full", "/rooms/room-0", async (page) => {
    await page.locator("textarea").focus();
    await page.keyboard.press("ArrowUp");
  }, everywhere],
  ["room-empty", "one", "/rooms/room-0", null, everywhere],
  ["room-loading", "loading", "/rooms/room-0", null, ["light", "dark"]],
  ["room-failed", "failed", "/rooms/room-0", null, ["light", "dark"]],
  ["room-long", "long", "/rooms/room-7", null, everywhere],
  ["room-limit", "limit", "/rooms/room-0", null, ["light", "phone"]],
  ["room-typing", "typing", "/rooms/room-0", null, everywhere],
  ["room-offline", "offline", "/rooms/room-0", null, everywhere],
  ["room-errors", "errors", "/rooms/room-0", null, everywhere],
  ["room-archived", "full", "/rooms/room-11", null, ["light", "dark"]],
  ["room-menu", "full", "/rooms/room-0", roomMenu(), everywhere],
  ["room-not-found", "full", "/rooms/nowhere", null, everywhere],
  ["page-not-found", "full", "/nowhere", null, ["light"]],
  ["rooms-200", "many", "/rooms/room-0", null, everywhere],
  ["members", "full", "/rooms/room-0", shows(".member", (page) => page.locator(".room-header-members").click()), [...everywhere, "tablet"]],
  ["person", "full", "/rooms/room-0", shows(".person-name", (page) => page.locator(".message-author").last().click()), everywhere],
  ["account-menu", "full", "/", (page) => page.locator(".account").click(), everywhere],
  ["profile", "full", "/", dialog(account("Edit profile")), everywhere],
  ["password", "full", "/", dialog(account("Change password")), ["light", "dark"]],
  ["help", "full", "/", dialog(account("Keyboard shortcuts")), everywhere],
  ["new-room", "full", "/", dialog(openMenu("New room")), everywhere],
  ["browse", "full", "/", dialog(openMenu("Browse rooms")), everywhere],
  ["browse-empty", "empty", "/", dialog((page) => page.locator(".sidebar").getByText("Browse rooms").click()), ["light"]],
  ["switcher", "full", "/rooms/room-0", dialog((page) => page.keyboard.press("Control+k")), ["light", "dark"]],
  ["invites", "full", "/", async (page) => {
    await openMenu("Invite people")(page);
    await page.getByRole("button", { name: "Create link" }).click();
    await page.locator(".invite-url").waitFor();
  }, everywhere],
  ["edit-room", "full", "/rooms/room-4", dialog(roomMenu("Name and topic")), ["light"]],
  ["add-people", "full", "/rooms/room-4", dialog(roomMenu("Add people")), everywhere],
  ["leave-room", "full", "/rooms/room-8", dialog(roomMenu("Leave room")), ["light", "dark"]],
  ["delete-message", "full", "/rooms/room-0", async (page) => {
    await page.locator("article").last().hover();
    await page.getByRole("button", { name: "Delete" }).last().click();
    await page.locator("dialog[open] .dialog-title").waitFor();
  }, ["light", "phone"]],
];

async function fixtureServer() {
  const { createServer } = await import("vite");
  const server = await createServer({
    configFile: fileURLToPath(new URL("./fixtures/vite.config.ts", import.meta.url)),
    server: { host: "127.0.0.1", port, strictPort: true },
    logLevel: "error",
  });
  await server.listen();
  return server;
}

async function checkAccess(page, name) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  const serious = violations.filter((one) => one.impact === "serious" || one.impact === "critical");
  for (const one of violations) {
    console.log(`${name}: axe ${one.impact} ${one.id}: ${one.nodes.map((node) => node.target.join(" ")).slice(0, 4).join(" | ")}`);
    if (process.env.AXE_DETAIL) console.log(one.nodes[0].failureSummary);
  }
  return serious.length;
}

const server = process.env.PARLEY_URL ? undefined : await fixtureServer();
const base = process.env.PARLEY_URL ?? `http://127.0.0.1:${port}`;
const browser = await chromium.launch({
  executablePath: process.env.PARLEY_CHROMIUM ?? "/usr/bin/chromium",
  args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
await mkdir(output, { recursive: true });
let faults = 0;
let written = 0;
for (const [name, fixture, path, act, where] of views) {
  if (!name.includes(only)) continue;
  for (const how of where) {
    const shot = `${name}.${how}`;
    const context = await browser.newContext({
      viewport: how === "phone" ? phone : how === "tablet" ? tablet : wide,
      colorScheme: how === "dark" ? "dark" : "light",
      deviceScaleFactor: how === "phone" ? 2 : 1,
      hasTouch: how === "phone",
      isMobile: how === "phone",
      reducedMotion: "reduce",
      locale: "en-GB",
    });
    const page = await context.newPage();
    page.on("pageerror", (error) => {
      console.log(`${shot}: ${error.message}`);
      faults += 1;
    });
    try {
      const [place, fragment] = path.split("#");
      await page.goto(`${base}${place}?fixture=${fixture}${fragment ? `#${fragment}` : ""}`);
      await page.locator("#root > *").first().waitFor();
      await page.waitForLoadState("networkidle");
      await page.evaluate(() => document.fonts.ready);
      await act?.(page);
      await page.waitForTimeout(250);
      await page.screenshot({ path: `${output}${shot}.png` });
      faults += await checkAccess(page, shot);
      written += 1;
    } catch (error) {
      console.log(`${shot}: ${error.message.split("\n")[0]}`);
      faults += 1;
    }
    await context.close();
  }
}
await browser.close();
await server?.close();
console.log(`${written} screenshots, ${faults} faults`);
process.exitCode = faults > 0 ? 1 : 0;
