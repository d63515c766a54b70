/* The browser tests: the real server, the built web client, Debian's Chromium. Every test starts a server of its own. */
import { defineConfig } from "@playwright/test";
import { chromium } from "./support.ts";

export default defineConfig({
  testDir: ".",
  testMatch: "*.spec.ts",
  testIgnore: "screenshots.spec.ts",
  outputDir: "results",
  fullyParallel: true,
  workers: 2,
  retries: 0,
  forbidOnly: true,
  timeout: 60_000,
  expect: { timeout: 15_000 },
  use: chromium,
});
