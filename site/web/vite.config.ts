import { svelte } from "@sveltejs/vite-plugin-svelte";
import { svelteTesting } from "@testing-library/svelte/vite";
import { defineConfig } from "vitest/config";

// Only index.html is built: dev.html and src/dev are for those who work on the pages.
export default defineConfig({
  plugins: [svelte(), svelteTesting()],
  build: { target: "es2022", chunkSizeWarningLimit: 900, modulePreload: { polyfill: false }, assetsInlineLimit: 0 },
  // The term bounds a test that hangs; a busy machine must not fail one that works.
  test: { environment: "happy-dom", include: ["src/**/*.test.ts"], testTimeout: 60_000 },
});
