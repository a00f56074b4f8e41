import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

/** Builds the page of the console: `npm run build:page`. */
export default defineConfig({
  root: fileURLToPath(new URL("src/web/page", import.meta.url)),
  // The page is served from the root of its own port.
  base: "/",
  build: {
    outDir: "../../../dist/web/page",
    emptyOutDir: true,
    // `default-src 'self'` allows neither data: addresses nor inline scripts.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: "es2022",
    reportCompressedSize: false,
  },
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  clearScreen: false,
});
