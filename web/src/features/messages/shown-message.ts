import type { Placed } from "./rows";

/** A message as the list shows it: stored, or the sender's own that is still on its way. */
export interface ShownMessage extends Placed {
  id: string | undefined;
  author: { id: string; name: string; display_name: string };
  text: string;
  edited_at?: string | undefined;
  state: "stored" | "pending" | "failed";
  /** Pending for so long, or without a line, that the sender should know. */
  late: boolean;
  reason?: string | undefined;
  nonce: string;
}
