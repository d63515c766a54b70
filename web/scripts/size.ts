/* Fails when the first load is over its budget: HTML, CSS and JavaScript within 160 KB gzip, the text font within 50 KB. */
import { readdir, readFile, stat } from "node:fs/promises";
import { gzipSync } from "node:zlib";

const dist = new URL("../dist/", import.meta.url);
const html = await readFile(new URL("index.html", dist), "utf8");
const named = [...html.matchAll(/(?:src|href)="(\/assets\/[^"]+\.(?:js|css))"/g)].flatMap((match) => match[1] ?? []);

let bytes = gzipSync(html).length;
for (const path of named) bytes += gzipSync(await readFile(new URL(`.${path}`, dist))).length;

let fonts = 0;
for (const name of await readdir(new URL("assets/", dist))) {
  if (name.endsWith(".woff2") && !name.includes("mono")) fonts += (await stat(new URL(`assets/${name}`, dist))).size;
}

console.log(`first load ${(bytes / 1000).toFixed(1)} KB gzip of 160, fonts ${(fonts / 1000).toFixed(1)} KB of 50`);
if (bytes > 160_000 || fonts > 50_000) process.exit(1);
