import { fileURLToPath } from "node:url";
import { defineConfig, type IndexHtmlTransformContext } from "vite";

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
  plugins: [{ name: "first-view", transformIndexHtml: { order: "post", handler: preloadFirstView } }],
  clearScreen: false,
});

/** Has the browser load the first view beside the program that asks for it. */
function preloadFirstView(_: string, { bundle = {} }: IndexHtmlTransformContext) {
  const chunks = Object.values(bundle).filter((one) => one.type === "chunk");
  const view = chunks.find(({ facadeModuleId }) => facadeModuleId?.endsWith("/views/stations/stations.tsx"));
  if (!view)
    throw new Error("the page has no chunk of the Stations view; see preloadFirstView in vite.config.ts");
  const byName = new Map(chunks.map((one) => [one.fileName, one]));
  const needed = new Set([view.fileName]);
  for (const name of needed) for (const more of byName.get(name)?.imports ?? []) needed.add(more);
  // The program itself has a tag of its own.
  for (const { fileName } of chunks.filter(({ isEntry }) => isEntry)) needed.delete(fileName);
  return [...needed].map((name) => ({
    tag: "link",
    attrs: { rel: "modulepreload", crossorigin: true, href: `/${name}` },
    injectTo: "head" as const,
  }));
}
