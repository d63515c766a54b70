/* Puts a .gz beside every file of dist/ that compression makes smaller: the server sends it to clients that take gzip. */
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

const packed = /\.(woff2|png|webp|gz)$/;
const folder = new URL("../dist/", import.meta.url).pathname;

for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
  if (!entry.isFile() || packed.test(entry.name)) continue;
  const path = join(entry.parentPath, entry.name);
  const plain = await readFile(path);
  const gzip = gzipSync(plain, { level: 9 });
  if (gzip.length < plain.length) await writeFile(`${path}.gz`, gzip);
}
