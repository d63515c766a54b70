/* What the interface sees of the store: hooks that select, and the actions. */
import { useMemo } from "react";
import type { Author, Message, MyRoom } from "../../sdk/generated.ts";
import type { OutboxEntry, State, Status, Timeline, Typist } from "./state.ts";
import { useStore } from "./store.ts";

export { actions, onNewMessage } from "./actions.ts";
export type { Invite, InviteShowResult as InviteShow, Message, MyRoom, Role, Self, User } from "../../sdk/generated.ts";

/** A message as the list shows it: stored, or the own one that is still on its way. */
export interface ShownMessage {
  /** Stays the same while a local echo settles. */
  key: string;
  id: string | undefined;
  /** 0 while it is not stored. */
  seq: number;
  author: Author;
  text: string;
  nonce: string;
  created_at: string;
  edited_at?: string | undefined;
  deleted_at?: string | undefined;
  state: "stored" | "pending" | "failed";
  /** It waits for the line. */
  late: boolean;
  /** The error's code. */
  reason?: string | undefined;
}

const none: readonly never[] = [];

export const usePhase = () => useStore((state) => state.phase);
export const useConnection = () => useStore((state) => state.connection);
export const useSelf = () => useStore((state) => state.self);
export const useRoom = (id: string): MyRoom | undefined => useStore((state) => state.rooms[id]);
export const useDraft = (room: string): string => useStore((state) => state.drafts[room] ?? "");
export const useOnline = (id: string): boolean => useStore((state) => state.online.has(id));
export const useOnlineIds = (): ReadonlySet<string> => useStore((state) => state.online);

/** The joined rooms. */
export function useRooms(): readonly MyRoom[] {
  const rooms = useStore((state) => state.rooms);
  return useMemo(() => Object.values(rooms).filter((room) => room.joined), [rooms]);
}

export function useTyping(room: string): readonly Author[] {
  const typists = useStore((state): readonly Typist[] => state.typing[room] ?? none);
  return useMemo(() => typists.map((one) => one.user), [typists]);
}

export function useMembers(room: string): { members: readonly State["members"][string]["users"][number][]; status: Status } {
  const list = useStore((state) => state.members[room]);
  return { members: list?.users ?? none, status: list?.status ?? "loading" };
}

/** Nobody asked for the room's members, or a new beginning of the stream dropped them. */
export const useMembersMissing = (room: string): boolean => useStore((state) => state.members[room] === undefined && state.rooms[room] !== undefined);

/* A stored message's shape is made once, so that rows that did not change are not drawn again. */
const shapes = new WeakMap<Message, ShownMessage>();

function shownStored(message: Message): ShownMessage {
  const known = shapes.get(message);
  if (known) return known;
  const shown: ShownMessage = { ...message, key: `${message.author.id}:${message.nonce}`, state: "stored", late: false };
  shapes.set(message, shown);
  return shown;
}

function shownWaiting(entry: OutboxEntry, author: Author, open: boolean): ShownMessage {
  return {
    key: `${entry.account}:${entry.nonce}`,
    id: undefined,
    seq: 0,
    author,
    text: entry.text,
    nonce: entry.nonce,
    created_at: entry.created_at,
    state: entry.failed === undefined ? "pending" : "failed",
    late: !open,
    reason: entry.failed,
  };
}

function shownOf(timeline: Timeline | undefined, waiting: readonly OutboxEntry[], self: Author | undefined, open: boolean): ShownMessage[] {
  const stored = (timeline?.messages ?? none).map(shownStored);
  const known = new Set(stored.map((message) => message.key));
  const rest = self ? waiting.map((entry) => shownWaiting(entry, self, open)) : [];
  return [...stored, ...rest.filter((message) => !known.has(message.key))];
}

/** A room's messages, oldest first, those on their way last. */
export function useMessages(room: string): { messages: ShownMessage[]; status: Status; hasEarlier: boolean; earlier: Timeline["earlier"] } {
  const timeline = useStore((state) => state.timelines[room]);
  const outbox = useStore((state) => state.outbox);
  const self = useStore((state) => state.self);
  const open = useStore((state) => state.connection.state === "open");
  const messages = useMemo(
    () => shownOf(timeline, outbox.filter((entry) => entry.room === room), self && { id: self.id, name: self.name, display_name: self.display_name }, open),
    [timeline, outbox, self, open, room],
  );
  return { messages, status: timeline?.status ?? "loading", hasEarlier: (timeline?.cursor ?? null) !== null, earlier: timeline?.earlier ?? "idle" };
}
