import { expect, it } from "vitest";
import { EventStreamParser, type StreamEvent } from "./event_stream.ts";

const text = ':\n\nretry: 1000\n\nid: c1\nevent: message.created\ndata: {"a":\ndata: 1}\n\ndata:no space\r\n\r\nid\ndata: last\n\ndata: never ended';
const events: StreamEvent[] = [
  { id: "c1", event: "message.created", data: '{"a":\n1}' },
  { id: "c1", event: "message", data: "no space" },
  { id: "", event: "message", data: "last" },
];

it("events are read alike however the bytes are cut", () => {
  for (let size = 1; size <= text.length; size += 1) {
    const found: StreamEvent[] = [];
    const parser = new EventStreamParser((event) => found.push(event));
    for (let at = 0; at < text.length; at += size) parser.feed(text.slice(at, at + size));
    expect(found).toEqual(events);
  }
});
