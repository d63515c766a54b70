/* What one person leaves at a browser, and what the next one finds there. */
import { cliIn } from "../integration/harness.ts";
import { claim, composer, expect, openRoom, password, signIn, test, write } from "./support.ts";

const signedOut = "Name or email";

test("a draft waits for who wrote it, and is wiped when somebody else signs in", async ({ server, page }) => {
  await server.person("ann", "owner");
  for (const name of ["bob", "cleo"]) await server.person(name);
  await signIn(server, page, "bob");
  await openRoom(page, "general");
  await composer(page).fill("Between you and me");
  await cliIn(server.folder, ["user", "passwd", "bob", "--password-stdin"], `${password}\n`);
  await expect(page.getByLabel(signedOut)).toBeVisible();

  await signIn(server, page, "bob");
  await openRoom(page, "general");
  await expect(composer(page)).toHaveValue("Between you and me");
  await server.cli("user", "disable", "bob");
  await expect(page.getByLabel(signedOut)).toBeVisible();

  await signIn(server, page, "cleo");
  await openRoom(page, "general");
  await expect(composer(page)).toHaveValue("");
  expect(await page.evaluate(() => JSON.stringify(localStorage))).not.toContain("Between you and me");
});

test("where the browser keeps nothing, what is written is sent all the same, once", async ({ server, page }) => {
  await page.addInitScript(() => {
    IDBFactory.prototype.open = () => {
      throw new DOMException("no storage here", "SecurityError");
    };
  });
  await claim(server, page);
  await write(page, "Without a disk");
  await expect(page.getByText("Without a disk")).toBeVisible();
  const bob = await server.person("bob");
  const sent = async () => (await bob.history(await bob.room("general"))).map((one) => one.text);
  await expect.poll(sent).toEqual(["Without a disk"]);
  await write(page, "Nor with one");
  await expect.poll(sent).toEqual(["Without a disk", "Nor with one"]);
});

test("an owner's link that is wrong says so and what to do", async ({ server, page }) => {
  await page.goto(`${server.url}/owner#${"x".repeat(43)}`);
  await page.getByLabel("Name", { exact: true }).fill("mallory");
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByRole("button", { name: "Create workspace" }).click();
  await expect(page.getByRole("heading", { name: "This link no longer works" })).toBeVisible();
});
