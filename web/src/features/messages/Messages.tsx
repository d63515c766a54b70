import { MessageSquareText } from "lucide-react";
import { useCallback, useEffect, useRef, useState } from "react";
import { rich, t } from "../../i18n/t";
import { mayDeleteMessage } from "../../lib/may";
import { openOverlay } from "../../lib/overlay";
import { useNow } from "../../lib/use-now";
import { actions, useMessages, useSelf, type MyRoom } from "../../store/contract";
import { Button } from "../../ui/Button";
import { EmptyState } from "../../ui/EmptyState";
import { InlineError } from "../../ui/InlineError";
import { Skeleton } from "../../ui/Skeleton";
import { MessageList } from "./MessageList";
import type { ShownMessage } from "./shown-message";

const day_ms = 86_400_000;

interface MessagesProps {
  room: MyRoom;
  editing: string | undefined;
  onEdit: (message: ShownMessage) => void;
}

/** A room's messages with their states: being fetched, none, not to be had, or there. Keyed by room: it opens afresh. */
export function Messages({ room, editing, onEdit }: MessagesProps) {
  const self = useSelf();
  const { messages, status, hasEarlier, earlier } = useMessages(room.id);
  const [readSeqAtOpen] = useState(room.read_seq);
  const today = Math.floor(useNow(60_000) / day_ms) * day_ms;
  const read = useRef(0);

  useEffect(() => {
    void actions.openRoom(room.id);
  }, [room.id]);

  const last = messages.at(-1)?.seq ?? 0;
  const onSeen = useCallback(() => {
    if (!room.joined || document.hidden || room.seq <= read.current) return;
    read.current = Math.max(last, room.seq);
    actions.markRead(room.id, read.current);
  }, [room.id, room.joined, room.seq, last]);

  const onEarlier = useCallback(() => void actions.loadEarlier(room.id), [room.id]);
  const onDelete = useCallback((message: ShownMessage) => message.id && openOverlay({ name: "delete-message", room: room.id, message: message.id }), [room.id]);
  const onPerson = useCallback((user: string) => openOverlay({ name: "person", user }), []);
  const onRetry = useCallback((message: ShownMessage) => actions.retryMessage(room.id, message.nonce), [room.id]);
  const onDiscard = useCallback((message: ShownMessage) => actions.discardMessage(room.id, message.nonce), [room.id]);

  if (!self) return null;
  if (status === "loading" && messages.length === 0) {
    return (
      <section className="messages messages-fetching" aria-label={t("messages.loading")} aria-busy="true" data-region="messages">
        <Skeleton rows={7} />
      </section>
    );
  }
  if (status === "failed" && messages.length === 0) {
    return (
      <section className="messages" data-region="messages" aria-label={t("messages.label", { room: room.name })}>
        <EmptyState icon={MessageSquareText} title={t("messages.failed")} action={<Button kind="primary" onClick={() => void actions.openRoom(room.id)}>{t("action.retry")}</Button>} />
      </section>
    );
  }
  if (messages.length === 0) {
    return (
      <section className="messages" data-region="messages" aria-label={t("messages.label", { room: room.name })}>
        <EmptyState icon={MessageSquareText} title={t("messages.empty.title")}>
          {!room.archived && t("messages.empty.text")}
        </EmptyState>
      </section>
    );
  }

  const head = hasEarlier ? (
    earlier === "failed" ? (
      <InlineError action={<Button kind="quiet" onClick={onEarlier}>{t("action.retry")}</Button>}>{t("messages.earlierFailed")}</InlineError>
    ) : (
      <span className="messages-spinner" />
    )
  ) : (
    <p className="messages-start">{rich("messages.start", { room: <bdi>{room.name}</bdi> })}</p>
  );

  const live = (message: ShownMessage) => message.state === "stored" && !message.deleted_at && !room.archived;
  return (
    <MessageList
      label={t("messages.label", { room: room.name })}
      messages={messages}
      self={self.id}
      readSeqAtOpen={readSeqAtOpen}
      head={head}
      hasEarlier={hasEarlier && earlier !== "failed"}
      editingKey={editing}
      today={today}
      mayEdit={(message) => live(message) && message.author.id === self.id}
      mayDelete={(message) => message.state === "stored" && !message.deleted_at && mayDeleteMessage(self, room, message.author.id)}
      onEarlier={onEarlier}
      onSeen={onSeen}
      onEdit={onEdit}
      onDelete={onDelete}
      onRetry={onRetry}
      onDiscard={onDiscard}
      onPerson={onPerson}
    />
  );
}
