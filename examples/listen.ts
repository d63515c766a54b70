/* Prints every event as a line of JSON, and goes on where it stopped: the cursor is kept in a file. PARLEY_WAY=stream needs no WebSocket. */
import { readFile, writeFile } from "node:fs/promises";
import { connect, type Way } from "../web/sdk/index.ts";

const { PARLEY_URL: url = "http://127.0.0.1:8080", PARLEY_TOKEN: token = "", PARLEY_WAY: way = "auto", CURSOR_FILE: file = "cursor.txt" } = process.env;
const cursor = await readFile(file, "utf8").catch(() => "");
let saved: Promise<void> = Promise.resolve();

const parley = connect({
  url,
  token,
  way: way as Way | "auto",
  ...(cursor === "" ? {} : { cursor }),
  onStart: ({ resumed, missed = 0 }) => console.error(resumed ? `resumed, ${String(missed)} missed` : "from now on"),
});

parley.on("*", (event) => {
  console.log(JSON.stringify(event));
  const place = event.cursor; /* written after the event was handled: a crash between the two shows it again, and loses none */
  if (place !== undefined) saved = saved.then(() => writeFile(file, place));
});

const { cursor: begin } = await parley.ready;
if (cursor === "") await writeFile(file, begin);
process.on("SIGTERM", () => {
  parley.close();
  void saved.then(() => process.exit(0));
});
