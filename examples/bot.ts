/* A bot that answers "!time" in every room that it is in, over restarts of the server and of itself. */
import { connect } from "../web/sdk/index.ts";
import { fileStore } from "../web/sdk/node.ts";

const { CHAT_URL: url = "http://127.0.0.1:8080", TOKEN: token = "", BOT_OUTBOX: file = "bot-outbox.json" } = process.env;
const bot = connect({ url, token, store: fileStore(file) });

bot.on("message.created", ({ data: { message } }) => {
  if (message.text === "!time") void bot.send(message.room, `It is ${new Date().toISOString()}`);
});

await bot.ready;
console.log(`listening over ${bot.way}`);
