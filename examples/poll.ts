/* Who is online, asked for again and again without the SDK: with the ETag, an answer that is still the same has no body. */
const { CHAT_URL: url = "http://127.0.0.1:8080", TOKEN: token = "", POLLS = "10", EVERY_MS = "1000" } = process.env;
let etag = "";

for (let poll = 0; poll < Number(POLLS); poll += 1) {
  const answer = await fetch(`${url}/api/v1/presence`, { headers: { authorization: `Bearer ${token}`, "if-none-match": etag } });
  if (answer.status === 200) console.log("online:", ((await answer.json()) as { online: string[] }).online.length);
  else console.log(answer.status === 304 ? "the same" : `error ${String(answer.status)}`);
  etag = answer.headers.get("etag") ?? etag;
  await new Promise((done) => setTimeout(done, Number(EVERY_MS)));
}
