import { describe, expect, it } from "vitest";
import type { Message, MyRoom, SessionStartResult } from "../../sdk/generated.ts";
import type { ServerEvent } from "../../sdk/line.ts";
import { merge, reduce } from "./reducer.ts";
import { emptyState, type State } from "./state.ts";

const me = { id: "me", name: "me", display_name: "Me" };
const ann = { id: "ann", name: "ann", display_name: "Ann" };
const at = "2026-11-24T13:00:00.000Z";

function room(change: Partial<MyRoom> = {}): MyRoom {
  return { id: "r", name: "r", private: false, archived: false, seq: 0, created_at: at, joined: true, members: 2, read_seq: 0, unread: 0, ...change };
}

function message(seq: number, change: Partial<Message> = {}): Message {
  return { id: `m${seq}`, room: "r", seq, author: ann, text: `text ${seq}`, nonce: `n${seq}`, created_at: at, ...change };
}

function created(seq: number, change: Partial<Message> = {}): ServerEvent<"message.created"> {
  return { event: "message.created", room: "r", seq, cursor: `c${seq}`, data: { message: message(seq, change) } };
}

function started(rooms: MyRoom[]): SessionStartResult {
  return { resumed: false, cursor: "c0", state: { user: { ...me, role: "member", created_at: at }, rooms, online: ["me"] } };
}

function begin(rooms: MyRoom[] = [room()]): State {
  const state = reduce(emptyState, { type: "started", result: started(rooms) });
  return reduce(state, { type: "newest-page", room: "r", page: { messages: [], seq: 0, next_cursor: null } });
}

const hear = (state: State, event: ServerEvent) => reduce(state, { type: "event", event, now: 0 });
const texts = (state: State) => state.timelines["r"]?.messages.map((one) => one.text);

/* A small generator, so that a failure can be run again. */
function random(seed: number) {
  let value = seed;
  return (below: number) => {
    value = (value * 1103515245 + 12345) % 2147483648;
    return value % below;
  };
}

describe("events", () => {
  it("repeated and late events change nothing", () => {
    const events = Array.from({ length: 40 }, (_, index) => created(index + 1));
    const once = events.reduce(hear, begin());
    for (let seed = 1; seed <= 30; seed += 1) {
      const next = random(seed);
      let state = begin();
      for (const event of events) {
        state = hear(state, event);
        for (let repeats = next(3); repeats > 0; repeats -= 1) {
          const old = events[next(event.seq ?? 1)];
          if (old) state = hear(state, old);
        }
      }
      expect(state).toEqual(once);
    }
  });

  it("a page read meanwhile and the events it holds give each message once, in order", () => {
    for (let seed = 1; seed <= 30; seed += 1) {
      const next = random(seed);
      const page = Array.from({ length: 10 + next(10) }, (_, index) => message(index + 1));
      const events = Array.from({ length: 30 }, (_, index) => created(index + 1));
      const cut = next(30);
      let state = events.slice(0, cut).reduce(hear, reduce(emptyState, { type: "started", result: started([room()]) }));
      state = reduce(state, { type: "newest-page", room: "r", page: { messages: page, seq: page.length, next_cursor: null } });
      state = events.slice(cut).reduce(hear, state);
      const seqs = state.timelines["r"]?.messages.map((one) => one.seq) ?? [];
      expect(seqs).toEqual([...new Set(seqs)].sort((a, b) => a - b));
      expect(seqs.at(-1)).toBe(30);
    }
  });

  it("merging is the same in any order", () => {
    const list = Array.from({ length: 12 }, (_, index) => message(index + 1));
    const next = random(7);
    const shuffled = [...list].sort(() => next(3) - 1);
    expect(merge(shuffled.slice(0, 5), shuffled)).toEqual(list);
  });

  it("own messages are never unread, others' are until the marker passes them", () => {
    let state = begin();
    state = hear(state, created(1, { author: me }));
    state = hear(state, created(2));
    state = hear(state, created(3));
    expect(state.rooms["r"]?.unread).toBe(2);
    state = reduce(state, { type: "marker", marker: { room: "r", seq: 3, unread: 0 } });
    expect(state.rooms["r"]?.unread).toBe(0);
    expect(reduce(state, { type: "marker", marker: { room: "r", seq: 1, unread: 2 } })).toEqual(state);
  });

  it("a deleted message leaves its tombstone and is no longer unread", () => {
    let state = hear(begin(), created(1));
    state = hear(state, { event: "message.deleted", room: "r", seq: 2, data: { message: message(1, { text: "", deleted_at: at }) } });
    expect(texts(state)).toEqual([""]);
    expect(state.rooms["r"]?.unread).toBe(0);
  });

  it("the own message that waits settles when its event comes", () => {
    let state = reduce(begin(), { type: "outbox-added", entry: { nonce: "x", account: "me", room: "r", text: "hi", created_at: at } });
    state = hear(state, created(1, { author: me, nonce: "x", text: "hi" }));
    expect(state.outbox).toEqual([]);
    expect(texts(state)).toEqual(["hi"]);
  });

  it("another's nonce settles nothing", () => {
    let state = reduce(begin(), { type: "outbox-added", entry: { nonce: "x", account: "me", room: "r", text: "hi", created_at: at } });
    state = hear(state, created(1, { nonce: "x" }));
    expect(state.outbox).toHaveLength(1);
  });

  it("whoever left gets nothing of the room any more, and begins afresh when back", () => {
    let state = hear(begin(), created(1));
    state = hear(state, { event: "room.left", room: "r", data: { room: "r" } });
    expect(state.rooms).toEqual({});
    expect(hear(state, created(2))).toEqual(state);
    state = hear(state, { event: "room.joined", room: "r", data: { room: room({ seq: 5 }) } });
    expect(state.timelines["r"]).toBeUndefined();
  });

  it("typing ends with the message, or after its time", () => {
    const typing: ServerEvent = { event: "typing.started", room: "r", data: { user: ann } };
    const state = hear(begin(), typing);
    expect(state.typing["r"]).toHaveLength(1);
    expect(hear(state, created(1)).typing["r"]).toEqual([]);
    expect(reduce(state, { type: "typing-expired", now: 5999 }).typing["r"]).toHaveLength(1);
    expect(reduce(state, { type: "typing-expired", now: 6000 }).typing).toEqual({});
  });

  it("presence is what was told last", () => {
    let state = hear(begin(), { event: "presence.changed", data: { online: ["ann"], offline: ["me"] } });
    expect([...state.online]).toEqual(["ann"]);
    state = reduce(state, { type: "started", result: { resumed: true, missed: 0, cursor: "c", online: ["me"] } });
    expect([...state.online]).toEqual(["me"]);
  });

  it("a new beginning of the stream keeps what is shown until it is fetched again", () => {
    let state = hear(begin(), created(1));
    state = reduce(state, { type: "started", result: started([room({ seq: 900 })]) });
    expect(texts(state)).toEqual(["text 1"]);
    expect(state.timelines["r"]?.stale).toBe(true);
    state = reduce(state, { type: "newest-page", room: "r", page: { messages: [message(900)], seq: 900, next_cursor: "900" } });
    expect(texts(state)).toEqual(["text 900"]);
    expect(state.timelines["r"]?.cursor).toBe("900");
  });

  it("what came while the newest page was on its way is on it once, first opened or opened again", () => {
    const page = { messages: [message(1), message(2)], seq: 3, next_cursor: null };
    const edited: ServerEvent = { event: "message.edited", room: "r", seq: 5, data: { message: message(2, { text: "changed" }) } };
    const fresh = reduce(reduce(emptyState, { type: "started", result: started([room({ seq: 1 })]) }), { type: "timeline-loading", room: "r" });
    const stale = reduce(begin(), { type: "started", result: started([room({ seq: 1 })]) });
    for (const start of [fresh, stale]) {
      const waiting = [created(2), created(4), edited].reduce(hear, start);
      expect(texts(reduce(waiting, { type: "newest-page", room: "r", page }))).toEqual(["text 1", "changed", "text 4"]);
    }
  });

  it("a room that lost its topic shows none; whoever makes a room is counted once", () => {
    let state = hear(emptyState, { event: "room.joined", room: "r", data: { room: room({ topic: "bees", members: 1 }) } });
    state = hear({ ...state, self: { ...me, role: "member", created_at: at } }, { event: "member.joined", room: "r", seq: 1, data: { user: { ...me, role: "member", created_at: at } } });
    expect(state.rooms["r"]?.members).toBe(1);
    state = hear(state, { event: "room.updated", room: "r", seq: 2, data: { room: { id: "r", name: "r", private: false, archived: false, seq: 2, created_at: at } } });
    expect(state.rooms["r"]).toEqual(room({ members: 1, seq: 2 }));
  });
});
