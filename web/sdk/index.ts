/* The SDK: what a bot, a script or another web page needs of Parley. docs/SDK.md has examples. In Node, fileStore comes from node.ts. */
export { Client, connect, type ConnectOptions } from "./client.ts";
export type { ConnectionState, Way } from "./connection.ts";
export { isTransient, ParleyError } from "./errors.ts";
export type * from "./generated.ts";
export { indexedDbStore } from "./indexeddb.ts";
export type { EventName, ServerEvent } from "./line.ts";
export { makeNonce, type OutboxEntry, type OutboxStore } from "./outbox.ts";
export { rest, type RestOptions } from "./rest.ts";
export { localStore, memoryStore, type CursorStore } from "./stores.ts";
