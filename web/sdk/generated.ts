/* Made from server/protocol/*.def by tools/generate: do not edit. Ids are UUIDs, times RFC 3339 in UTC. */

export type Role = "guest" | "member" | "admin" | "owner";

/** Who wrote a message. */
export interface Author {
  /** The person */
  id: string;
  /** The unique name */
  name: string;
  /** The name shown to people */
  display_name: string;
}

/** A person as others see them. */
export interface User {
  /** The person */
  id: string;
  /** The unique name */
  name: string;
  /** The name shown to people */
  display_name: string;
  /** Role in the workspace */
  role: Role;
  /** A line beside the name */
  status?: string;
  /** About the person */
  bio?: string;
  /** When the account was made */
  created_at: string;
  /** true: may not sign in any more */
  disabled?: boolean;
}

/** The own account. */
export interface Self {
  /** The person */
  id: string;
  /** The unique name */
  name: string;
  /** The name shown to people */
  display_name: string;
  /** Role in the workspace */
  role: Role;
  /** E-mail address */
  email?: string;
  /** A line beside the name */
  status?: string;
  /** About the person */
  bio?: string;
  /** When the account was made */
  created_at: string;
}

/** A room as everybody who may see it sees it. */
export interface Room {
  /** The room */
  id: string;
  /** Name */
  name: string;
  /** What it is about */
  topic?: string;
  /** true: only people who are added see it */
  private: boolean;
  /** true: nothing new can be written */
  archived: boolean;
  /** Who made it */
  maker?: string;
  /** seq of its newest event */
  seq: number;
  /** When it was made */
  created_at: string;
}

/** A room, with what is the reader's own. */
export interface MyRoom {
  /** The room */
  id: string;
  /** Name */
  name: string;
  /** What it is about */
  topic?: string;
  /** true: only people who are added see it */
  private: boolean;
  /** true: nothing new can be written */
  archived: boolean;
  /** Who made it */
  maker?: string;
  /** seq of its newest event */
  seq: number;
  /** When it was made */
  created_at: string;
  /** true: the reader is a member */
  joined: boolean;
  /** How many members */
  members: number;
  /** The own read marker */
  read_seq: number;
  /** Live messages of others after the marker, at most 100 (shown as 99+) */
  unread: number;
}

/** A message, or its tombstone. */
export interface Message {
  /** The message */
  id: string;
  /** The room */
  room: string;
  /** Its place in the room */
  seq: number;
  /** Who wrote it */
  author: Author;
  /** The text; empty when deleted */
  text: string;
  /** The sender's nonce */
  nonce: string;
  /** When it was stored */
  created_at: string;
  /** When it was last changed */
  edited_at?: string;
  /** When it was deleted */
  deleted_at?: string;
}

/** A read marker. */
export interface Marker {
  /** The room */
  room: string;
  /** All up to this seq is read */
  seq: number;
  /** Live messages of others after it, at most 100 */
  unread: number;
}

/** An invite, without its secret. */
export interface Invite {
  /** The invite */
  id: string;
  /** The role that comes with it */
  role: Role;
  /** How many people may still use it */
  uses_left: number;
  /** When it was made */
  created_at: string;
  /** When it expires */
  expires_at: string;
  /** Display name of who made it */
  created_by: string;
  /** The room that it leads to */
  room?: string;
}

/** Something that doctor found. */
export interface Problem {
  /** Which check */
  check: string;
  /** What it found */
  detail: string;
}

/** Everything that a client needs to begin. */
export interface State {
  /** The person */
  user: Self;
  /** The joined rooms, archived ones not */
  rooms: MyRoom[];
  /** Who is online */
  online: string[];
}

export interface SessionCreateParams {
  /** Name or e-mail */
  login: string;
  /** The password */
  password: string;
  /** true: answer a bearer token and set no cookie */
  token?: boolean;
}

export interface SessionCreateResult {
  /** Who signed in */
  user: Self;
  /** The bearer token, when it was asked for */
  token?: string;
  /** When the session ends by itself */
  expires_at: string;
}

export type SessionDeleteParams = Record<string, never>;

export type SessionDeleteResult = Record<string, never>;

export interface SessionAuthenticateParams {
  /** A bearer token */
  token: string;
}

export interface SessionAuthenticateResult {
  /** Who signed in */
  user: Self;
}

export interface SessionStartParams {
  /** The last cursor that this client saw */
  cursor?: string;
  /** Of all one's rooms only the events of these */
  rooms?: string[];
}

export interface SessionStartResult {
  /** true: the events missed follow; false: take the state afresh */
  resumed: boolean;
  /** Why it was not resumed: cursor_too_old, cursor_invalid, too_many */
  reason?: string;
  /** How many logged events follow that this session has missed (not counted with `rooms`) */
  missed?: number;
  /** The full state, when it was not resumed */
  state?: State;
  /** When resumed: read markers changed meanwhile */
  markers?: Marker[];
  /** When resumed: who is online now */
  online?: string[];
  /** The position from which the stream goes on */
  cursor: string;
}

export type TicketCreateParams = Record<string, never>;

export interface TicketCreateResult {
  /** To be used once, within 30 seconds; of a person's unused ones the newest 64 stand */
  ticket: string;
  /** Until when */
  expires_at: string;
}

export type StateGetParams = Record<string, never>;

export interface StateGetResult {
  /** The person, rooms with seq and unread, who is online */
  state: State;
  /** Where a stream must start to follow on from this state */
  cursor: string;
}

export interface OwnerCreateParams {
  /** The secret from the one-time link */
  secret: string;
  /** The unique name */
  name: string;
  /** The name shown to people */
  display_name?: string;
  /** E-mail address */
  email?: string;
  /** The password */
  password: string;
}

export interface OwnerCreateResult {
  /** The owner */
  user: Self;
}

export interface InviteCreateParams {
  /** Role of those who sign up: member (default) or below the maker's own */
  role?: Role;
  /** How many people may use it (default 1) */
  uses?: number;
  /** Seconds until it expires (default 604800, a week) */
  expires_in?: number;
  /** A room that they join besides general (guests: the only one) */
  room?: string;
  /** Makes a retry safe, for 24 hours */
  nonce?: string;
}

export interface InviteCreateResult {
  /** The invite */
  invite: Invite;
  /** The link with its secret; shown this once: absent in the answer to a retry */
  url?: string;
}

export type InviteListParams = Record<string, never>;

export interface InviteListResult {
  /** The invites, without their secrets */
  invites: Invite[];
}

export interface InviteRevokeParams {
  /** The invite */
  invite: string;
}

export type InviteRevokeResult = Record<string, never>;

export interface InviteShowParams {
  /** The secret from the link's fragment */
  secret: string;
}

export interface InviteShowResult {
  /** Display name of who made the invite */
  invited_by?: string;
  /** The role that comes with it */
  role: Role;
  /** When it expires */
  expires_at: string;
}

export interface UserCreateParams {
  /** The secret from the invite link */
  invite: string;
  /** The unique name */
  name: string;
  /** The name shown to people */
  display_name?: string;
  /** E-mail address */
  email?: string;
  /** The password */
  password: string;
}

export interface UserCreateResult {
  /** The new account */
  user: Self;
}

export type UserMeParams = Record<string, never>;

export interface UserMeResult {
  /** The own account */
  user: Self;
}

export interface UserUpdateParams {
  /** The name shown to people */
  display_name?: string;
  /** E-mail address */
  email?: string | null;
  /** A line beside the name */
  status?: string | null;
  /** About oneself */
  bio?: string | null;
}

export interface UserUpdateResult {
  /** The account as it is now */
  user: Self;
}

export interface UserPasswordParams {
  /** The present password */
  old_password: string;
  /** The new one */
  new_password: string;
}

export type UserPasswordResult = Record<string, never>;

export interface UserListParams {
  /** next_cursor of the page before */
  after?: string;
  /** People a page (default 100) */
  limit?: number;
  /** Only those whose name or display name begins so */
  query?: string;
}

export interface UserListResult {
  /** The people */
  users: User[];
  /** Given as after, leads to the next page */
  next_cursor: string | null;
}

export interface UserGetParams {
  /** The person */
  user: string;
}

export interface UserGetResult {
  /** The profile */
  user: User;
}

export interface RoomCreateParams {
  /** Name */
  name: string;
  /** What it is about */
  topic?: string;
  /** true: only people who are added see it */
  private?: boolean;
  /** By the operator alone: whose room it is, by name */
  maker?: string;
  /** Makes a retry safe, for 24 hours */
  nonce?: string;
}

export interface RoomCreateResult {
  /** The room */
  room: MyRoom;
}

export interface RoomGetParams {
  /** The room */
  room: string;
}

export interface RoomGetResult {
  /** The room, with the own read marker and unread count if joined */
  room: MyRoom;
}

export interface RoomUpdateParams {
  /** The room */
  room: string;
  /** Name */
  name?: string;
  /** What it is about */
  topic?: string | null;
}

export interface RoomUpdateResult {
  /** The room as it is now */
  room: Room;
}

export interface RoomArchiveParams {
  /** The room */
  room: string;
  /** false: bring it back (default true) */
  archived?: boolean;
}

export interface RoomArchiveResult {
  /** The room as it is now */
  room: Room;
}

export interface RoomListParams {
  /** next_cursor of the page before */
  after?: string;
  /** Rooms a page (default 100) */
  limit?: number;
  /** true: archived rooms instead */
  archived?: boolean;
}

export interface RoomListResult {
  /** The rooms */
  rooms: MyRoom[];
  /** Given as after, leads to the next page */
  next_cursor: string | null;
}

export interface RoomJoinParams {
  /** The room */
  room: string;
}

export interface RoomJoinResult {
  /** The room */
  room: MyRoom;
}

export interface RoomLeaveParams {
  /** The room */
  room: string;
}

export type RoomLeaveResult = Record<string, never>;

export interface RoomMembersParams {
  /** The room */
  room: string;
  /** next_cursor of the page before */
  after?: string;
  /** Members a page (default 100) */
  limit?: number;
}

export interface RoomMembersResult {
  /** The members */
  members: User[];
  /** The room's seq at reading */
  seq: number;
  /** Given as after, leads to the next page */
  next_cursor: string | null;
}

export interface RoomAddParams {
  /** The room */
  room: string;
  /** The person */
  user: string;
}

export interface RoomAddResult {
  /** The new member */
  user: User;
}

export interface RoomRemoveParams {
  /** The room */
  room: string;
  /** The person */
  user: string;
}

export type RoomRemoveResult = Record<string, never>;

export interface MessageSendParams {
  /** The room */
  room: string;
  /** Printable ASCII, unique for the sender for ever (or the Idempotency-Key header); a UUIDv7 costs the server least */
  nonce: string;
  /** The text */
  text: string;
}

export interface MessageSendResult {
  /** The message as it is now */
  message: Message;
  /** true: it was stored before by a request with this nonce */
  duplicate: boolean;
}

export interface MessageListParams {
  /** The room */
  room: string;
  /** next_cursor of a page: the page before it */
  before?: string;
  /** A seq: the page after it */
  after?: string;
  /** A seq: the page round it */
  around?: string;
  /** Messages a page (default 50) */
  limit?: number;
}

export interface MessageListResult {
  /** The messages */
  messages: Message[];
  /** The room's seq at reading */
  seq: number;
  /** Given as before, leads to the page before */
  next_cursor: string | null;
}

export interface MessageEditParams {
  /** The room */
  room: string;
  /** The message */
  message: string;
  /** The new text */
  text: string;
}

export interface MessageEditResult {
  /** The message as it is now */
  message: Message;
}

export interface MessageDeleteParams {
  /** The room */
  room: string;
  /** The message */
  message: string;
}

export interface MessageDeleteResult {
  /** The tombstone */
  message: Message;
}

export interface ReadUpdateParams {
  /** The room */
  room: string;
  /** All up to this seq is read */
  seq: number;
}

export interface ReadUpdateResult {
  /** The marker as it is now */
  marker: Marker;
}

export interface TypingStartParams {
  /** The room */
  room: string;
}

export type TypingStartResult = Record<string, never>;

export type PresenceListParams = Record<string, never>;

export interface PresenceListResult {
  /** The people who have a session open */
  online: string[];
}

/** Every operation that a client can ask for, by its name on the wire. */
export interface Operations {
  /** Sign in with a name or e-mail; sets the cookie, or answers a bearer token. */
  "session.create": { params: SessionCreateParams; result: SessionCreateResult };
  /** Sign out: ends this session, its cookie or token, and its sockets. */
  "session.delete": { params: SessionDeleteParams; result: SessionDeleteResult };
  /** Sign a socket in with a bearer token, as its first message. */
  "session.authenticate": { params: SessionAuthenticateParams; result: SessionAuthenticateResult };
  /** Start the stream of events: at the head with the full state, or where a cursor says. */
  "session.start": { params: SessionStartParams; result: SessionStartResult };
  /** A single-use ticket for a stream where headers are impossible: /api/v1/events?ticket=…. */
  "ticket.create": { params: TicketCreateParams; result: TicketCreateResult };
  /** The full state and the cursor that it belongs to. */
  "state.get": { params: StateGetParams; result: StateGetResult };
  /** Make the first owner's account with the one-time secret; signs in. */
  "owner.create": { params: OwnerCreateParams; result: OwnerCreateResult };
  /** Make a link by which people sign up. */
  "invite.create": { params: InviteCreateParams; result: InviteCreateResult };
  /** The invites that still work, newest first. */
  "invite.list": { params: InviteListParams; result: InviteListResult };
  /** End an invite. */
  "invite.revoke": { params: InviteRevokeParams; result: InviteRevokeResult };
  /** Who invites, and until when; uses nothing up. */
  "invite.show": { params: InviteShowParams; result: InviteShowResult };
  /** Sign up by an invite; signs in. */
  "user.create": { params: UserCreateParams; result: UserCreateResult };
  /** The own account. */
  "user.me": { params: UserMeParams; result: UserMeResult };
  /** Change the own profile. */
  "user.update": { params: UserUpdateParams; result: UserUpdateResult };
  /** Change the own password; ends the person's other sessions. */
  "user.password": { params: UserPasswordParams; result: UserPasswordResult };
  /** The people of the workspace, by name. */
  "user.list": { params: UserListParams; result: UserListResult };
  /** One person's profile (guests: only of people in a shared room). */
  "user.get": { params: UserGetParams; result: UserGetResult };
  /** Make a room; its maker is the first member. */
  "room.create": { params: RoomCreateParams; result: RoomCreateResult };
  /** One room. */
  "room.get": { params: RoomGetParams; result: RoomGetResult };
  /** Rename a room or change its topic (its maker, admins and owners). */
  "room.update": { params: RoomUpdateParams; result: RoomUpdateResult };
  /** Archive a room, or bring it back (its maker, admins and owners). */
  "room.archive": { params: RoomArchiveParams; result: RoomArchiveResult };
  /** The person's rooms and the public rooms, by name. */
  "room.list": { params: RoomListParams; result: RoomListResult };
  /** Join a public room. */
  "room.join": { params: RoomJoinParams; result: RoomJoinResult };
  /** Leave a room. */
  "room.leave": { params: RoomLeaveParams; result: RoomLeaveResult };
  /** The members of a room, by name. */
  "room.members": { params: RoomMembersParams; result: RoomMembersResult };
  /** Add a person (the room's maker, admins and owners who are in it). */
  "room.add": { params: RoomAddParams; result: RoomAddResult };
  /** Remove a person (the room's maker, admins and owners who are in it; never above the own rank). */
  "room.remove": { params: RoomRemoveParams; result: RoomRemoveResult };
  /** Send a message; a retry with the same nonce answers the first one. */
  "message.send": { params: MessageSendParams; result: MessageSendResult };
  /** A page of a room's messages, oldest first within the page; without a cursor the newest. */
  "message.list": { params: MessageListParams; result: MessageListResult };
  /** Change the text of an own message. */
  "message.edit": { params: MessageEditParams; result: MessageEditResult };
  /** Delete an own message (any: the room's maker, admins and owners who are in it); the text is gone for good. */
  "message.delete": { params: MessageDeleteParams; result: MessageDeleteResult };
  /** Move the own read marker forward. */
  "read.update": { params: ReadUpdateParams; result: ReadUpdateResult };
  /** Tell the room's members that one is typing; gone after 6 s. */
  "typing.start": { params: TypingStartParams; result: TypingStartResult };
  /** Who is online. */
  "presence.list": { params: PresenceListParams; result: PresenceListResult };
}

/** The REST routes, below /api/v1. */
export const routes = {
  "session.create": { method: "POST", path: "/session" },
  "session.delete": { method: "DELETE", path: "/session" },
  "ticket.create": { method: "POST", path: "/tickets" },
  "state.get": { method: "GET", path: "/state" },
  "owner.create": { method: "POST", path: "/owner" },
  "invite.create": { method: "POST", path: "/invites" },
  "invite.list": { method: "GET", path: "/invites" },
  "invite.revoke": { method: "DELETE", path: "/invites/{invite}" },
  "invite.show": { method: "POST", path: "/invites/show" },
  "user.create": { method: "POST", path: "/users" },
  "user.me": { method: "GET", path: "/me" },
  "user.update": { method: "PATCH", path: "/me" },
  "user.password": { method: "POST", path: "/me/password" },
  "user.list": { method: "GET", path: "/users" },
  "user.get": { method: "GET", path: "/users/{user}" },
  "room.create": { method: "POST", path: "/rooms" },
  "room.get": { method: "GET", path: "/rooms/{room}" },
  "room.update": { method: "PATCH", path: "/rooms/{room}" },
  "room.archive": { method: "POST", path: "/rooms/{room}/archive" },
  "room.list": { method: "GET", path: "/rooms" },
  "room.join": { method: "POST", path: "/rooms/{room}/join" },
  "room.leave": { method: "POST", path: "/rooms/{room}/leave" },
  "room.members": { method: "GET", path: "/rooms/{room}/members" },
  "room.add": { method: "POST", path: "/rooms/{room}/members" },
  "room.remove": { method: "DELETE", path: "/rooms/{room}/members/{user}" },
  "message.send": { method: "POST", path: "/rooms/{room}/messages" },
  "message.list": { method: "GET", path: "/rooms/{room}/messages" },
  "message.edit": { method: "PATCH", path: "/rooms/{room}/messages/{message}" },
  "message.delete": { method: "DELETE", path: "/rooms/{room}/messages/{message}" },
  "read.update": { method: "PUT", path: "/rooms/{room}/read" },
  "typing.start": { method: "POST", path: "/rooms/{room}/typing" },
  "presence.list": { method: "GET", path: "/presence" },
} as const;

export interface MessageCreatedData {
  /** The message as it is now (deleted meanwhile: its tombstone) */
  message: Message;
}

export interface MessageEditedData {
  /** The message as it is now */
  message: Message;
}

export interface MessageDeletedData {
  /** The tombstone */
  message: Message;
}

export interface RoomUpdatedData {
  /** The room as it is now */
  room: Room;
}

export interface MemberJoinedData {
  /** Who */
  user: User;
}

export interface MemberLeftData {
  /** Who */
  user: User;
}

export interface RoomJoinedData {
  /** The room */
  room: MyRoom;
}

export interface RoomLeftData {
  /** The room */
  room: string;
}

export interface RoomCreatedData {
  /** The room */
  room: Room;
}

export interface UserUpdatedData {
  /** The person as they are now */
  user: User;
}

export interface ReadUpdatedData {
  /** The marker as it is now */
  marker: Marker;
}

export interface TypingStartedData {
  /** Who */
  user: Author;
}

export interface PresenceChangedData {
  /** Who came online */
  online: string[];
  /** Who went offline */
  offline: string[];
}

export type HeartbeatData = Record<string, never>;

/** The data of every event, by its name. */
export interface Events {
  /** A message was stored. */
  "message.created": MessageCreatedData;
  /** A message's text was changed. */
  "message.edited": MessageEditedData;
  /** A message was deleted. */
  "message.deleted": MessageDeletedData;
  /** A room was renamed, archived, or got another topic. */
  "room.updated": RoomUpdatedData;
  /** Somebody became a member of the room. */
  "member.joined": MemberJoinedData;
  /** Somebody left the room or was removed. */
  "member.left": MemberLeftData;
  /** The reader became a member: the room's events follow from here. */
  "room.joined": RoomJoinedData;
  /** The reader is no longer a member: no more events of the room. */
  "room.left": RoomLeftData;
  /** A public room was made. */
  "room.created": RoomCreatedData;
  /** An account was made, or its profile, role or state changed. */
  "user.updated": UserUpdatedData;
  /** The own read marker moved, in another session. */
  "read.updated": ReadUpdatedData;
  /** Somebody is typing; gone after 6 s. */
  "typing.started": TypingStartedData;
  /** People came online or went offline. */
  "presence.changed": PresenceChangedData;
  /** Every 25 s on a quiet session: a fresh cursor. */
  "heartbeat": HeartbeatData;
}

export type ErrorCode =
  | "invalid_request"
  | "invalid_json"
  | "invalid_field"
  | "missing_field"
  | "invalid_cursor"
  | "nonce_conflict"
  | "sign_in_required"
  | "invalid_credentials"
  | "invalid_token"
  | "wrong_password"
  | "bad_origin"
  | "forbidden"
  | "not_found"
  | "unknown_operation"
  | "method_not_allowed"
  | "timeout"
  | "name_taken"
  | "email_taken"
  | "nonce_reused"
  | "room_archived"
  | "already_started"
  | "already_signed_in"
  | "last_owner"
  | "owner_exists"
  | "too_many_invites"
  | "message_is_deleted"
  | "invite_invalid"
  | "too_large"
  | "unsupported_media_type"
  | "unknown_host"
  | "upgrade_required"
  | "rate_limited"
  | "headers_too_large"
  | "internal"
  | "overloaded"
  | "storage_unavailable"
  | "outcome_unknown"
  | "draining"
  | "file_exists"
  | "uri_too_long"
  | "expectation_failed"
  | "not_implemented"
  | "version_not_supported";
