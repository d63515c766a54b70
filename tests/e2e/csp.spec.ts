/* What the server sends with the page: a strict policy that nothing violates, hashed files that are kept, and little of it. */
import { accountMenu, composer, dialog, expect, menu, message, openRoom, pageOf, sidebar, signIn, test, write, type Page } from "./support.ts";

const firstLoadMost_bytes = 160 * 1024;
const fontsMost_bytes = 50 * 1024;

/** What the console complains of; every violation of the policy is an error there. */
function complaints(page: Page): string[] {
  const said: string[] = [];
  page.on("console", (line) => {
    if (line.type() === "error" || line.type() === "warning") said.push(line.text());
  });
  page.on("pageerror", (error) => said.push(error.message));
  return said;
}

/** Adds up what comes over the network, as it comes (compressed). */
async function weigh(page: Page): Promise<{ of: (kinds: string[]) => number; kinds: () => string[] }> {
  const session = await page.context().newCDPSession(page);
  const kinds = new Map<string, string>();
  const bytes = new Map<string, number>();
  session.on("Network.responseReceived", ({ requestId, type, response }) => {
    if (response.url.startsWith("http") && !response.url.includes("/api/")) kinds.set(requestId, type);
  });
  session.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
    bytes.set(requestId, encodedDataLength);
  });
  await session.send("Network.enable");
  return {
    of: (wanted) => [...kinds].filter(([, kind]) => wanted.includes(kind)).reduce((sum, [id]) => sum + (bytes.get(id) ?? 0), 0),
    kinds: () => [...new Set(kinds.values())],
  };
}

test("the policy is strict, and a whole use violates nothing", async ({ server, owner, browser }) => {
  const said = complaints(owner);
  const response = await owner.goto(server.url);
  const headers = response?.headers() ?? {};
  const policy = headers["content-security-policy"] ?? "";
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain("script-src 'self'");
  expect(policy).toContain("frame-ancestors 'none'");
  expect(policy).toContain("base-uri 'none'");
  expect(policy).not.toMatch(/unsafe|\*|data:.*script|https?:/);
  expect(headers["x-content-type-options"]).toBe("nosniff");
  expect(headers["referrer-policy"]).toBeTruthy();

  await openRoom(owner, "general");
  const bob = await pageOf(server, browser, await server.person("bob"));
  await openRoom(bob, "general");
  await write(bob, "see https://example.org <img src=x onerror=alert(1)>");
  await expect(owner.getByRole("link", { name: "https://example.org" })).toBeVisible();
  await expect(owner.locator("article img")).toHaveCount(0);
  await write(owner, "answered");
  await expect(message(bob, "answered")).toBeVisible();
  const opens = [
    ...["New room", "Browse rooms", "Invite people"].map((name) => () => sidebar(owner).getByRole("button", { name }).click()),
    ...["Edit profile", "Change password"].map((name) => () => accountMenu(owner, name)),
    () => menu(owner, "Room menu", "Add people"),
  ];
  for (const open of opens) {
    await open();
    await expect(dialog(owner)).toBeVisible();
    await owner.keyboard.press("Escape");
    await expect(dialog(owner)).toBeHidden();
  }
  await owner.getByRole("button", { name: /2 members/ }).click();
  await expect(owner.getByRole("complementary", { name: "Members" })).toContainText("bob");
  await accountMenu(owner, "Dark");
  await composer(owner).fill("a draft\n".repeat(20));
  await composer(owner).fill("");
  await accountMenu(owner, "Sign out");
  await expect(owner.getByLabel("Name or email")).toBeVisible();
  await signIn(server, owner, "ann");
  /* The one thing that a browser itself notes: the question who one is, asked before one is signed in. */
  expect(said.filter((line) => !/status of 401/.test(line))).toEqual([]);

  /* What would be a hole is refused, and seen here. */
  await owner.evaluate(() => {
    const script = document.createElement("script");
    script.textContent = "globalThis.intruder = true";
    document.body.append(script);
  });
  await expect.poll(() => said.join("\n")).toContain("Content Security Policy");
  expect(await owner.evaluate(() => "intruder" in globalThis)).toBe(false);
});

test("the first load is small: the sign-in page, and everything until a room is shown", async ({ server, browser }) => {
  await server.person("ann", "owner");
  const context = await browser.newContext();
  const page = await context.newPage();
  const weight = await weigh(page);
  await signIn(server, page, "ann");
  await openRoom(page, "general");
  await write(page, "the first message");
  await expect(message(page, "the first message")).toBeVisible();
  await page.waitForLoadState("networkidle");
  await page.evaluate(() => document.fonts.ready);
  const [files, fonts] = [weight.of(["Document", "Script", "Stylesheet"]), weight.of(["Font"])];
  test.info().annotations.push({ type: "measured", description: `HTML, CSS, JavaScript ${String(files)} bytes, fonts ${String(fonts)} bytes` });
  expect(weight.kinds()).toEqual(expect.arrayContaining(["Document", "Script", "Stylesheet", "Font"]));
  expect(files).toBeGreaterThan(0);
  expect(files).toBeLessThanOrEqual(firstLoadMost_bytes);
  expect(fonts).toBeLessThanOrEqual(fontsMost_bytes);
});
