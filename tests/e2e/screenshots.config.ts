/* `make screenshots`: every view of the client, light, dark and phone; empty, full, error and long text. */
import { defineConfig } from "@playwright/test";
import { chromium } from "./support.ts";

const phone = { viewport: { width: 360, height: 740 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true };

export default defineConfig({
  testDir: ".",
  testMatch: "screenshots.spec.ts",
  outputDir: "results",
  fullyParallel: true,
  workers: 2,
  timeout: 120_000,
  expect: { timeout: 15_000 },
  use: { ...chromium, contextOptions: { reducedMotion: "reduce" } },
  projects: [
    { name: "light", use: { colorScheme: "light", viewport: { width: 1440, height: 900 } } },
    { name: "dark", use: { colorScheme: "dark", viewport: { width: 1440, height: 900 } } },
    { name: "phone", use: { colorScheme: "light", ...phone } },
    { name: "phone-dark", use: { colorScheme: "dark", ...phone } },
  ],
});
