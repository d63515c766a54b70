/* The shortest whole way: the owner's link, an account, the first message. */
import { claim, expect, message, test, write } from "./support.ts";

test("the first person claims the house and writes in #general", { tag: "@smoke" }, async ({ server, page }) => {
  await claim(server, page);
  await expect(page.getByText("Nothing written yet")).toBeVisible();
  await write(page, "Hello, house");
  await expect(message(page, "Hello, house")).toBeVisible();
  await expect(page.locator(".message-pending")).toHaveCount(0);
  await page.reload();
  await expect(message(page, "Hello, house")).toBeVisible();
});
