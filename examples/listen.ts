/* Prints every event as a line of JSON, and goes on where it stopped: the cursor is kept in a file. WAY=stream needs no WebSocket. */
import { readFile, rename, writeFile } from "node:fs/promises";
import { connect, type Way } from "../web/sdk/index.ts";

const { CHAT_URL: url = "http://127.0.0.1:8080", TOKEN: token = "", WAY: way = "auto", CURSOR_FILE: file = "cursor.txt" } = process.env;
const cursor = await readFile(file, "utf8").catch(() => "");

/* One after the other, and each whole: a place that is half written would be none. */
let saved: Promise<void> = Promise.resolve();
const save = (place: string) => (saved = saved.then(() => writeFile(`${file}.new`, place)).then(() => rename(`${file}.new`, file)));

const parley = connect({
  url,
  token,
  way: way as Way | "auto",
  ...(cursor === "" ? {} : { cursor }),
  onStart: ({ resumed, missed = 0, cursor: begin }) => {
    void save(begin);
    console.error(resumed ? `resumed, ${String(missed)} missed` : "from now on");
  },
});

parley.on("*", (event) => {
  console.log(JSON.stringify(event));
  if (event.cursor !== undefined) void save(event.cursor); /* after it was handled: a crash between the two shows it again, and loses none */
});

process.on("SIGTERM", () => {
  parley.close();
  void saved.then(() => process.exit(0));
});
