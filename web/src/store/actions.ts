/* What the interface can do. Every operation that a client has stands here; components call these and never the socket. */
import { Connection } from "../../sdk/connection.ts";
import { ParleyError } from "../../sdk/errors.ts";
import type { InviteCreateParams, Message, Operations, OwnerCreateParams, RoomCreateParams, SessionCreateParams, UserCreateParams, UserUpdateParams } from "../../sdk/generated.ts";
import { indexedDbStore } from "../../sdk/indexeddb.ts";
import type { ServerEvent } from "../../sdk/line.ts";
import { createOutbox, makeNonce } from "../../sdk/outbox.ts";
import { rest } from "../../sdk/rest.ts";
import { readDrafts, readOpenRoom, wipeDrafts, writeDraft, writeOpenRoom } from "./drafts.ts";
import { dispatch, getState, useStore } from "./store.ts";
import { emptyState, type OutboxEntry } from "./state.ts";

const pageSize = 50;
const memberPages = 10;
const markEvery_ms = 2000;
const typeEvery_ms = 3000;
const startRetry_ms = 3000;
const typingCheck_ms = 1000;

/* ---- the connection ---- */

const listeners = new Set<(message: Message) => void>();
let startTimer: ReturnType<typeof setTimeout> | undefined;
const tabs = typeof BroadcastChannel === "undefined" ? undefined : new BroadcastChannel("parley");

const connection = new Connection({
  openSocket: () => new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/api/v1/ws`),
  stream: {},
  isOnline: () => navigator.onLine,
  onState: (state) => {
    dispatch({ type: "connection", connection: state });
    if (state.state === "open") void outbox.flush();
    if (state.state === "ended") void endSession();
  },
  onStart: (result) => {
    if (result.state) loadDrafts(result.state.user.id);
    dispatch({ type: "started", result });
    void loadOutbox();
    refreshStale();
  },
  onEvent: (event) => {
    dispatch({ type: "event", event, now: Date.now() });
    if (event.event === "message.created") tellListeners(event as ServerEvent<"message.created">);
  },
});

function tellListeners(event: ServerEvent<"message.created">): void {
  for (const listener of listeners) listener(event.data.message);
}

/** Calls `listener` for every message that comes in, until the returned function is called. */
export function onNewMessage(listener: (message: Message) => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** One operation over the socket. */
function ask<N extends keyof Operations>(name: N, params: Operations[N]["params"]): Promise<Operations[N]["result"]> {
  return connection.request(name, params);
}

async function begin(): Promise<void> {
  clearTimeout(startTimer);
  try {
    await rest("user.me", {});
    connection.connect();
  } catch (failure) {
    const code = failure instanceof ParleyError ? failure.code : "network";
    if (code === "sign_in_required" || code === "invalid_token") {
      dispatch({ type: "phase", phase: "signed-out" });
      return;
    }
    if (getState().phase === "starting") dispatch({ type: "phase", phase: "unreachable" });
    startTimer = setTimeout(() => void begin(), startRetry_ms);
  }
}

function loadDrafts(account: string): void {
  for (const [room, text] of Object.entries(readDrafts(account))) dispatch({ type: "draft", room, text });
}

/* ---- outbox ---- */

const store = indexedDbStore<OutboxEntry>("parley");

const outbox = createOutbox({
  store,
  waiting: () => getState().outbox.filter((entry) => entry.failed === undefined),
  send: async (entry) => {
    const { message } = await connection.request("message.send", { room: entry.room, nonce: entry.nonce, text: entry.text });
    return message;
  },
  onStored: (message, nonce) => {
    dispatch({ type: "message", message });
    dispatch({ type: "outbox-gone", nonce });
  },
  onGone: (nonce) => dispatch({ type: "outbox-gone", nonce }),
  onFailed: (nonce, error) => dispatch({ type: "outbox-failed", nonce, reason: error.code }),
});

/** What an earlier page of this person left behind; another person's is thrown away. */
async function loadOutbox(): Promise<void> {
  const account = getState().self?.id;
  const entries = await store.all();
  for (const entry of entries.filter((one) => one.account !== account)) await store.delete(entry.nonce);
  const shown = new Set(getState().outbox.map((entry) => entry.nonce));
  const found = entries.filter((entry) => entry.account === account && !shown.has(entry.nonce));
  if (found.length > 0) dispatch({ type: "outbox-loaded", entries: [...found, ...getState().outbox] });
  void outbox.flush();
}

/** Entries that an event settled need not be kept on disk. */
function forgetSettled(): void {
  let before = getState().outbox;
  useStore.subscribe((state) => {
    if (state.outbox === before) return;
    const left = new Set(state.outbox.map((entry) => entry.nonce));
    for (const entry of before) if (!left.has(entry.nonce)) void store.delete(entry.nonce);
    before = state.outbox;
  });
}

function sendMessage(room: string, text: string): void {
  const account = getState().self?.id;
  if (account === undefined) return;
  typed.delete(room); /* the message ended the typing: the next one is told at once */
  const entry = { nonce: makeNonce(), account, room, text, created_at: new Date().toISOString() };
  void store.put(entry).then(() => {
    dispatch({ type: "outbox-added", entry });
    void outbox.flush();
  });
}

/* ---- messages ---- */

const opening = new Map<string, Promise<void>>();

async function fetchNewest(room: string): Promise<void> {
  dispatch({ type: "timeline-loading", room });
  try {
    dispatch({ type: "newest-page", room, page: await ask("message.list", { room, limit: pageSize }) });
  } catch {
    dispatch({ type: "timeline-failed", room });
  }
}

/** Loads the newest messages unless they are there and unbroken. */
function openRoom(room: string): Promise<void> {
  const timeline = getState().timelines[room];
  if (timeline?.status === "ready" && !timeline.stale) return Promise.resolve();
  const running = opening.get(room) ?? fetchNewest(room).finally(() => opening.delete(room));
  opening.set(room, running);
  return running;
}

/** After a new beginning of the stream: what is shown is fetched again in place, the rest when it is opened. */
function refreshStale(): void {
  for (const [room, timeline] of Object.entries(getState().timelines)) {
    if (timeline.stale || timeline.status !== "ready") void openRoom(room);
  }
}

async function loadEarlier(room: string): Promise<void> {
  const timeline = getState().timelines[room];
  if (!timeline || timeline.cursor === null || timeline.earlier === "loading" || timeline.stale) return;
  dispatch({ type: "earlier-loading", room });
  try {
    dispatch({ type: "earlier-page", room, page: await ask("message.list", { room, limit: pageSize, before: timeline.cursor }) });
  } catch {
    dispatch({ type: "earlier-failed", room });
  }
}

/* ---- read markers and typing: told at most so often ---- */

const marks = new Map<string, { sent: number; timer: ReturnType<typeof setTimeout> | undefined; seq: number }>();

function markRead(room: string, seq: number): void {
  const known = getState().rooms[room];
  if (!known?.joined || (seq <= known.read_seq && known.unread === 0)) return;
  dispatch({ type: "marker", marker: { room, seq: Math.max(seq, known.read_seq), unread: 0 } });
  const mark = marks.get(room) ?? { sent: 0, timer: undefined, seq: 0 };
  marks.set(room, mark);
  mark.seq = Math.max(mark.seq, seq);
  mark.timer ??= setTimeout(() => {
    mark.timer = undefined;
    mark.sent = Date.now();
    ask("read.update", { room, seq: mark.seq }).catch(() => undefined);
  }, Math.max(0, mark.sent + markEvery_ms - Date.now()));
}

const typed = new Map<string, number>();

function typing(room: string): void {
  const now = Date.now();
  if (now - (typed.get(room) ?? 0) < typeEvery_ms) return;
  typed.set(room, now);
  ask("typing.start", { room }).catch(() => undefined);
}

/* ---- rooms and members ---- */

async function loadRoom(room: string): Promise<void> {
  dispatch({ type: "room", room: (await ask("room.get", { room })).room });
}

async function joinRoom(room: string): Promise<void> {
  dispatch({ type: "room", room: (await ask("room.join", { room })).room });
}

async function createRoom(params: RoomCreateParams) {
  const { room } = await ask("room.create", { ...params, nonce: makeNonce() });
  if (!getState().rooms[room.id]) dispatch({ type: "room", room });
  return room;
}

async function loadMembers(room: string): Promise<void> {
  const before = getState().members[room];
  dispatch({ type: "members", room, list: { users: before?.users ?? [], status: before?.status === "ready" ? "ready" : "loading" } });
  try {
    let page = await ask("room.members", { room, limit: 100 });
    let users = page.members;
    for (let more = 1; page.next_cursor !== null && more < memberPages; more += 1) {
      page = await ask("room.members", { room, limit: 100, after: page.next_cursor });
      users = [...users, ...page.members];
    }
    dispatch({ type: "members", room, list: { users, status: "ready" } });
  } catch {
    dispatch({ type: "members", room, list: { users: before?.users ?? [], status: "failed" } });
  }
}

/* ---- coming and going ---- */

async function signIn(params: SessionCreateParams): Promise<void> {
  await rest("session.create", params);
  await begin();
}

async function signUp(params: UserCreateParams): Promise<void> {
  await leave();
  await rest("user.create", params);
  await begin();
}

async function createOwner(params: OwnerCreateParams): Promise<void> {
  await rest("owner.create", params);
  await begin();
}

/** Nothing of the person stays in this browser. */
async function leave(): Promise<void> {
  connection.close();
  connection.forget();
  outbox.stop();
  wipeDrafts();
  useStore.setState({ ...emptyState, phase: "signed-out" }, true);
  await store.wipe().catch(() => undefined);
  if (typeof caches !== "undefined") for (const key of await caches.keys()) await caches.delete(key);
}

/** The server ended the session: what waits in the outbox stays on disk for when the same person signs in again. */
async function endSession(): Promise<void> {
  connection.close();
  connection.forget();
  outbox.stop();
  useStore.setState({ ...emptyState, phase: "signed-out" }, true);
}

async function signOut(): Promise<void> {
  await rest("session.delete", {}).catch(() => undefined);
  await leave();
  tabs?.postMessage("signed-out");
}

function start(): void {
  forgetSettled();
  window.addEventListener("online", () => connection.connect());
  window.addEventListener("offline", () => connection.lost());
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && connection.state.state === "waiting") connection.connect();
  });
  tabs?.addEventListener("message", () => void leave());
  setInterval(() => {
    if (Object.keys(getState().typing).length > 0) dispatch({ type: "typing-expired", now: Date.now() });
  }, typingCheck_ms);
  void begin();
}

export const actions = {
  start,
  reconnectNow: () => connection.connect(),
  signIn,
  signUp,
  signOut,
  createOwner,
  showInvite: (secret: string) => rest("invite.show", { secret }),

  openRoom,
  loadEarlier,
  sendMessage,
  retryMessage: (_room: string, nonce: string) => {
    dispatch({ type: "outbox-retry", nonce });
    void outbox.flush();
  },
  discardMessage: (_room: string, nonce: string) => dispatch({ type: "outbox-gone", nonce }),
  editMessage: async (room: string, message: string, text: string) => {
    dispatch({ type: "message", message: (await ask("message.edit", { room, message, text })).message });
  },
  deleteMessage: async (room: string, message: string) => {
    dispatch({ type: "message", message: (await ask("message.delete", { room, message })).message });
  },
  markRead,
  typing,
  setDraft: (room: string, text: string) => {
    dispatch({ type: "draft", room, text });
    writeDraft(room, text);
  },

  noteOpenRoom: writeOpenRoom,
  lastOpenRoom: readOpenRoom,
  loadRoom,
  createRoom,
  joinRoom,
  updateRoom: async (room: string, change: { name?: string; topic?: string | null }) => {
    dispatch({ type: "room-changed", room: (await ask("room.update", { room, ...change })).room });
  },
  archiveRoom: async (room: string, archived: boolean) => {
    dispatch({ type: "room-changed", room: (await ask("room.archive", { room, archived })).room });
  },
  leaveRoom: async (room: string) => {
    await ask("room.leave", { room });
    dispatch({ type: "room-gone", room });
  },
  listRooms: (params: { archived?: boolean; after?: string }) => ask("room.list", params),
  loadMembers,
  addMember: (room: string, user: string) => ask("room.add", { room, user }),
  removeMember: (room: string, user: string) => ask("room.remove", { room, user }),

  listUsers: (params: { query?: string; after?: string }) => ask("user.list", params),
  getUser: async (user: string) => (await ask("user.get", { user })).user,
  updateProfile: async (change: UserUpdateParams) => {
    dispatch({ type: "self", self: (await ask("user.update", change)).user });
  },
  changePassword: (params: { old_password: string; new_password: string }) => ask("user.password", params),
  createInvite: (params: InviteCreateParams) => ask("invite.create", params),
  listInvites: () => ask("invite.list", {}),
  revokeInvite: (invite: string) => ask("invite.revoke", { invite }),
};
