/* A bot that answers "!time" in every room that it is in, once, over restarts of the server and of itself. */
import { connect } from "../web/sdk/index.ts";
import { fileCursor } from "../web/sdk/node.ts";

const { CHAT_URL: url = "http://127.0.0.1:8080", TOKEN: token = "", BOT_CURSOR: file = "bot-cursor.txt" } = process.env;
const bot = connect({ url, token, cursorStore: fileCursor(file), onState: (state) => "cause" in state && console.error(state.cause.message) });

bot.on("message.created", async ({ data: { message } }) => {
  if (message.text !== "!time") return;
  await bot.send(message.room, `It is ${message.created_at}`, `time-${message.id}`).catch(console.error);
});

await bot.ready;
console.log(`listening over ${bot.way}`);
