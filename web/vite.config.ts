import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

/* The server's content security policy allows no inline script or style, and no data: URL but for pictures. */
export default defineConfig({
  plugins: [react()],
  build: {
    outDir: "dist",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: "es2023",
    sourcemap: false,
  },
  test: {
    environment: "happy-dom",
    include: ["src/**/*.test.{ts,tsx}", "sdk/**/*.test.ts"],
    setupFiles: ["./tests/setup.ts"],
  },
});
