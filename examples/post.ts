/* Sends one message from a script: node examples/post.ts ROOM TEXT. The nonce makes a second try of the same job harmless. */
import { isTransient, makeNonce, rest } from "../web/sdk/index.ts";

const { CHAT_URL: baseUrl = "http://127.0.0.1:8080", TOKEN: token = "", NONCE: nonce = makeNonce() } = process.env;
const [name = "general", text = "hello"] = process.argv.slice(2);

const { rooms } = await rest("room.list", {}, { baseUrl, token });
const room = rooms.find((one) => one.name === name);
if (!room) throw new Error(`there is no room ${name}`);

for (let tries = 1; ; tries += 1) {
  try {
    const { message, duplicate } = await rest("message.send", { room: room.id, text, nonce }, { baseUrl, token });
    console.log(duplicate ? `it stood there before, as ${String(message.seq)}` : `stored as ${String(message.seq)}`);
    break;
  } catch (failure) {
    if (tries === 5 || !isTransient(failure)) throw failure;
    await new Promise((done) => setTimeout(done, 1000 * tries));
  }
}
