/* The one place where state changes: pure, and idempotent by a room's `seq`, so that shuffled retries and repeated events do no harm. */
import type { ConnectionState } from "../../sdk/connection.ts";
import type { Events, Marker, Message, MessageListResult, MyRoom, Room, Self, SessionStartResult, User } from "../../sdk/generated.ts";
import type { EventName, ServerEvent } from "../../sdk/line.ts";
import { typing_ms, unreadMost, type MemberList, type OutboxEntry, type Phase, type State, type Timeline } from "./state.ts";

export type Action =
  | { type: "phase"; phase: Phase }
  | { type: "connection"; connection: ConnectionState }
  | { type: "self"; self: Self }
  | { type: "started"; result: SessionStartResult }
  | { type: "event"; event: ServerEvent; now: number }
  | { type: "room"; room: MyRoom }
  | { type: "room-changed"; room: Room }
  | { type: "room-gone"; room: string }
  | { type: "timeline-loading"; room: string }
  | { type: "timeline-failed"; room: string }
  | { type: "newest-page"; room: string; page: MessageListResult }
  | { type: "earlier-loading"; room: string }
  | { type: "earlier-failed"; room: string }
  | { type: "earlier-page"; room: string; page: MessageListResult }
  | { type: "message"; message: Message }
  | { type: "outbox-loaded"; entries: readonly OutboxEntry[] }
  | { type: "outbox-added"; entry: OutboxEntry }
  | { type: "outbox-failed"; nonce: string; reason: string }
  | { type: "outbox-retry"; nonce: string }
  | { type: "outbox-gone"; nonce: string }
  | { type: "marker"; marker: Marker }
  | { type: "members"; room: string; list: MemberList }
  | { type: "draft"; room: string; text: string }
  | { type: "typing-expired"; now: number };

/* ---- small helpers ---- */

function withRoom(state: State, id: string, change: (room: MyRoom) => MyRoom): State {
  const room = state.rooms[id];
  return room ? { ...state, rooms: { ...state.rooms, [id]: change(room) } } : state;
}

/** The room as it is now, with what it is to the reader. What it no longer has (a topic) goes. */
function changed(known: MyRoom, room: Room): MyRoom {
  const { joined, members, read_seq, unread, seq } = known;
  return { ...room, joined, members, read_seq, unread, seq };
}

function withTimeline(state: State, id: string, change: (timeline: Timeline) => Timeline): State {
  const timeline = state.timelines[id];
  return timeline ? { ...state, timelines: { ...state.timelines, [id]: change(timeline) } } : state;
}

function without<T>(record: Readonly<Record<string, T>>, key: string): Record<string, T> {
  const { [key]: _gone, ...rest } = record;
  return rest;
}

/** Puts messages into a list ordered by seq; those known already are replaced. */
export function merge(list: readonly Message[], added: readonly Message[]): readonly Message[] {
  const bySeq = new Map(list.map((message) => [message.seq, message]));
  for (const message of added) bySeq.set(message.seq, message);
  return [...bySeq.values()].sort((a, b) => a.seq - b.seq);
}

function settle(state: State, message: Message): State {
  if (message.author.id !== state.self?.id || !state.outbox.some((entry) => entry.nonce === message.nonce)) return state;
  return { ...state, outbox: state.outbox.filter((entry) => entry.nonce !== message.nonce) };
}

/** A message that is newer than the timeline's own page, or known in it. Older ones are left to their pages. */
function store(state: State, message: Message): State {
  const settled = settle(state, message);
  return withTimeline(settled, message.room, (timeline) => {
    const first = timeline.messages[0]?.seq;
    const belongs = timeline.cursor === null || (first !== undefined && message.seq >= first) || timeline.messages.length === 0;
    return timeline.status === "ready" && belongs ? { ...timeline, messages: merge(timeline.messages, [message]) } : timeline;
  });
}

/* ---- events ---- */

type Data<N extends EventName> = Events[N];

function onMessageCreated(state: State, { message }: Data<"message.created">): State {
  const stored = store(state, message);
  const typing = stored.typing[message.room]?.filter((one) => one.user.id !== message.author.id);
  const quiet = typing ? { ...stored, typing: { ...stored.typing, [message.room]: typing } } : stored;
  return withRoom(quiet, message.room, (room) => {
    const own = message.author.id === state.self?.id;
    const counts = !own && !message.deleted_at && message.seq > room.read_seq && room.joined;
    return counts ? { ...room, unread: Math.min(unreadMost, room.unread + 1) } : room;
  });
}

function onMessageChanged(state: State, { message }: { message: Message }, deleted: boolean): State {
  const known = state.timelines[message.room]?.messages.some((one) => one.seq === message.seq) ?? false;
  const next = known ? store(state, message) : state;
  if (!deleted) return next;
  return withRoom(next, message.room, (room) => {
    const counted = message.author.id !== state.self?.id && message.seq > room.read_seq && room.unread < unreadMost;
    return counted ? { ...room, unread: Math.max(0, room.unread - 1) } : room;
  });
}

function onMembers(state: State, id: string, user: User, joined: boolean): State {
  /* room.joined, which came before, counts oneself already. */
  const more = joined ? Number(user.id !== state.self?.id) : -1;
  const counted = withRoom(state, id, (room) => ({ ...room, members: Math.max(0, room.members + more) }));
  const list = counted.members[id];
  if (!list) return counted;
  const others = list.users.filter((one) => one.id !== user.id);
  return { ...counted, members: { ...counted.members, [id]: { ...list, users: joined ? [...others, user] : others } } };
}

function onUserUpdated(state: State, { user }: Data<"user.updated">): State {
  const members = Object.fromEntries(
    Object.entries(state.members).map(([room, list]) => [room, { ...list, users: list.users.map((one) => (one.id === user.id ? user : one)) }]),
  );
  const timelines = Object.fromEntries(
    Object.entries(state.timelines).map(([room, timeline]) => [
      room,
      {
        ...timeline,
        messages: timeline.messages.map((message) =>
          message.author.id === user.id ? { ...message, author: { id: user.id, name: user.name, display_name: user.display_name } } : message,
        ),
      },
    ]),
  );
  if (state.self?.id !== user.id) return { ...state, members, timelines };
  const { email } = state.self;
  const { disabled: _disabled, ...shown } = user;
  return { ...state, members, timelines, self: { ...shown, ...(email === undefined ? {} : { email }) } };
}

function onTyping(state: State, room: string, { user }: Data<"typing.started">, now: number): State {
  if (user.id === state.self?.id) return state;
  const others = (state.typing[room] ?? []).filter((one) => one.user.id !== user.id);
  return { ...state, typing: { ...state.typing, [room]: [...others, { user, until: now + typing_ms }] } };
}

function onPresence(state: State, data: Data<"presence.changed">): State {
  const online = new Set(state.online);
  for (const id of data.online) online.add(id);
  for (const id of data.offline) online.delete(id);
  return { ...state, online };
}

function dropRoom(state: State, id: string): State {
  return { ...state, rooms: without(state.rooms, id), timelines: without(state.timelines, id), members: without(state.members, id), typing: without(state.typing, id) };
}

/** While a page is on its way nobody knows whether the event's message is in it: kept until it comes. */
function hold(state: State, event: ServerEvent): State {
  if (event.room === undefined || event.seq === undefined || !event.event.startsWith("message.")) return state;
  const { message } = event.data as { message: Message };
  const held = { seq: event.seq, message };
  return withTimeline(state, event.room, (timeline) => (timeline.stale || timeline.status !== "ready" ? { ...timeline, held: [...timeline.held, held] } : timeline));
}

/** The change itself, once it is known to be new. */
function applyEvent(state: State, event: ServerEvent, now: number): State {
  switch (event.event) {
    case "message.created":
      return onMessageCreated(state, event.data as Data<"message.created">);
    case "message.edited":
      return onMessageChanged(state, event.data as Data<"message.edited">, false);
    case "message.deleted":
      return onMessageChanged(state, event.data as Data<"message.deleted">, true);
    case "room.updated": {
      const { room } = event.data as Data<"room.updated">;
      return withRoom(state, room.id, (known) => changed(known, room));
    }
    case "member.joined":
      return event.room === undefined ? state : onMembers(state, event.room, (event.data as Data<"member.joined">).user, true);
    case "member.left":
      return event.room === undefined ? state : onMembers(state, event.room, (event.data as Data<"member.left">).user, false);
    case "room.joined": {
      const { room } = event.data as Data<"room.joined">;
      return { ...state, rooms: { ...state.rooms, [room.id]: room }, timelines: without(state.timelines, room.id), members: without(state.members, room.id) };
    }
    case "room.left":
      return dropRoom(state, (event.data as Data<"room.left">).room);
    case "user.updated":
      return onUserUpdated(state, event.data as Data<"user.updated">);
    case "read.updated":
      return reduce(state, { type: "marker", marker: (event.data as Data<"read.updated">).marker });
    case "typing.started":
      return event.room === undefined ? state : onTyping(state, event.room, event.data as Data<"typing.started">, now);
    case "presence.changed":
      return onPresence(state, event.data as Data<"presence.changed">);
    case "room.created":
    case "heartbeat":
      return state;
  }
}

/** A room's events count once: those up to its known seq were seen, in the state or before. */
function onEvent(state: State, event: ServerEvent, now: number): State {
  if (event.room === undefined || event.seq === undefined) return applyEvent(state, event, now);
  const room = state.rooms[event.room];
  if (!room || event.seq <= room.seq) return state;
  const { seq } = event;
  return withRoom(applyEvent(hold(state, event), event, now), event.room, (known) => ({ ...known, seq }));
}

/* ---- the beginning of a stream ---- */

function onStarted(state: State, result: SessionStartResult): State {
  const online = new Set(result.state?.online ?? result.online ?? []);
  const self = result.state?.user.id ?? state.self?.id;
  if (self !== undefined) online.add(self); /* by this session, before the server's word of it */
  if (result.resumed || !result.state) {
    const resumed = (result.markers ?? []).reduce((next, marker) => reduce(next, { type: "marker", marker }), state);
    return { ...resumed, online, typing: {} };
  }
  const rooms = Object.fromEntries(result.state.rooms.map((room) => [room.id, room]));
  const timelines = Object.fromEntries(
    Object.entries(state.timelines)
      .filter(([room]) => rooms[room])
      .map(([room, timeline]) => [room, { ...timeline, stale: true }]),
  );
  return { ...state, phase: "ready", self: result.state.user, rooms, timelines, members: {}, online, typing: {} };
}

function onMarker(state: State, marker: Marker): State {
  return withRoom(state, marker.room, (room) => (marker.seq < room.read_seq ? room : { ...room, read_seq: marker.seq, unread: marker.unread }));
}

function onNewestPage(state: State, id: string, page: MessageListResult): State {
  const before = state.timelines[id];
  const kept = before && !before.stale && before.status === "ready" ? before : undefined;
  const timeline: Timeline = {
    messages: kept ? merge(kept.messages, page.messages) : page.messages,
    status: "ready",
    seq: page.seq,
    cursor: kept ? kept.cursor : page.next_cursor,
    earlier: "idle",
    stale: false,
    held: [],
  };
  const next = { ...state, timelines: { ...state.timelines, [id]: timeline } };
  const missed = (before?.held ?? []).filter((one) => one.seq > page.seq).map((one) => one.message);
  return missed.reduce(store, page.messages.reduce(settle, next));
}

const noTimeline: Timeline = { messages: [], status: "loading", seq: 0, cursor: null, earlier: "idle", stale: false, held: [] };

export function reduce(state: State, action: Action): State {
  switch (action.type) {
    case "phase":
      return { ...state, phase: action.phase };
    case "connection":
      return { ...state, connection: action.connection };
    case "self":
      return { ...state, self: action.self };
    case "started":
      return onStarted(state, action.result);
    case "event":
      return onEvent(state, action.event, action.now);
    case "room":
      return { ...state, rooms: { ...state.rooms, [action.room.id]: action.room } };
    case "room-changed":
      return withRoom(state, action.room.id, (known) => changed(known, action.room));
    case "room-gone":
      return dropRoom(state, action.room);
    case "timeline-loading": {
      const before = state.timelines[action.room] ?? noTimeline;
      const status = before.messages.length > 0 ? before.status : "loading";
      return { ...state, timelines: { ...state.timelines, [action.room]: { ...before, status } } };
    }
    case "timeline-failed":
      return withTimeline(state, action.room, (timeline) => ({ ...timeline, status: timeline.messages.length > 0 ? timeline.status : "failed" }));
    case "newest-page":
      return onNewestPage(state, action.room, action.page);
    case "earlier-loading":
      return withTimeline(state, action.room, (timeline) => ({ ...timeline, earlier: "loading" }));
    case "earlier-failed":
      return withTimeline(state, action.room, (timeline) => ({ ...timeline, earlier: "failed" }));
    case "earlier-page":
      return withTimeline(state, action.room, (timeline) => ({
        ...timeline,
        messages: merge(action.page.messages, timeline.messages),
        cursor: action.page.next_cursor,
        earlier: "idle",
      }));
    case "message":
      return store(state, action.message);
    case "outbox-loaded":
      return { ...state, outbox: action.entries };
    case "outbox-added":
      return { ...state, outbox: [...state.outbox, action.entry] };
    case "outbox-failed":
      return { ...state, outbox: state.outbox.map((entry) => (entry.nonce === action.nonce ? { ...entry, failed: action.reason } : entry)) };
    case "outbox-retry":
      return {
        ...state,
        outbox: state.outbox.map((entry) => {
          const { failed: _failed, ...again } = entry;
          return entry.nonce === action.nonce ? again : entry;
        }),
      };
    case "outbox-gone":
      return { ...state, outbox: state.outbox.filter((entry) => entry.nonce !== action.nonce) };
    case "marker":
      return onMarker(state, action.marker);
    case "members":
      return { ...state, members: { ...state.members, [action.room]: action.list } };
    case "draft":
      return { ...state, drafts: action.text === "" ? without(state.drafts, action.room) : { ...state.drafts, [action.room]: action.text } };
    case "typing-expired":
      return {
        ...state,
        typing: Object.fromEntries(
          Object.entries(state.typing)
            .map(([room, typists]) => [room, typists.filter((one) => one.until > action.now)] as const)
            .filter(([, typists]) => typists.length > 0),
        ),
      };
  }
}
