import type { ConnectionState } from "../../sdk/connection.ts";
import type { Author, Message, MyRoom, Self, User } from "../../sdk/generated.ts";

/** starting: not known yet; unreachable: the server did not answer the first question. */
export type Phase = "starting" | "signed-out" | "unreachable" | "ready";
export type Status = "loading" | "ready" | "failed";

/** The loaded part of a room's messages: an unbroken stretch that ends with the newest. */
export interface Timeline {
  messages: readonly Message[];
  status: Status;
  /** Of the room when the newest page was read: events up to it are in the messages already. */
  seq: number;
  /** Leads to the page before; null at the beginning of the room. */
  cursor: string | null;
  earlier: "idle" | "loading" | "failed";
  /** The stream was broken: to be fetched again when the room is open. */
  stale: boolean;
  /** Events that came while the newest page was on its way; those after its seq are put onto it. */
  held: readonly { seq: number; message: Message }[];
}

/** A message that was written here and is not known to be stored. Its nonce makes any retry safe. */
export interface OutboxEntry {
  nonce: string;
  account: string;
  room: string;
  text: string;
  created_at: string;
  failed?: string;
}

export interface Typist {
  user: Author;
  /** Unix ms. */
  until: number;
}

export interface MemberList {
  users: readonly User[];
  status: Status;
}

export interface State {
  phase: Phase;
  connection: ConnectionState;
  self: Self | undefined;
  rooms: Readonly<Record<string, MyRoom>>;
  timelines: Readonly<Record<string, Timeline>>;
  members: Readonly<Record<string, MemberList>>;
  online: ReadonlySet<string>;
  typing: Readonly<Record<string, readonly Typist[]>>;
  outbox: readonly OutboxEntry[];
  drafts: Readonly<Record<string, string>>;
}

export const typing_ms = 6000;
/** Counts beyond are shown as 99+. */
export const unreadMost = 100;

export const emptyState: State = {
  phase: "starting",
  connection: { state: "offline" },
  self: undefined,
  rooms: {},
  timelines: {},
  members: {},
  online: new Set(),
  typing: {},
  outbox: [],
  drafts: {},
};
