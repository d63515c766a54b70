import { DoorOpen } from "lucide-react";
import { lazy, Suspense, useCallback, useEffect, useMemo, useState } from "react";
import { useLocation } from "wouter";
import { Composer } from "../features/composer/Composer";
import { TypingLine } from "../features/composer/TypingLine";
import { Messages } from "../features/messages/Messages";
import type { ShownMessage } from "../features/messages/shown-message";
import { RoomHeader } from "../features/rooms/RoomHeader";
import { t } from "../i18n/t";
import { useOverlay } from "../lib/overlay";
import { homePath } from "../lib/paths";
import { actions, useMembers, useMembersMissing, useMessages, useOnlineIds, useRoom, useSelf } from "../store/contract";
import { Button } from "../ui/Button";
import { EmptyState } from "../ui/EmptyState";
import { Skeleton } from "../ui/Skeleton";

const MembersPanel = lazy(async () => ({ default: (await import("../features/members/MembersPanel")).MembersPanel }));

export function RoomNotFound() {
  const [, go] = useLocation();
  return (
    <main className="pane">
      <EmptyState page icon={DoorOpen} title={t("notFound.title")} action={<Button kind="primary" onClick={() => go(homePath)}>{t("notFound.go")}</Button>}>
        {t("notFound.text")}
      </EmptyState>
    </main>
  );
}

/** A room: its header, its messages, who is typing, and the composer; beside it its members. */
export function RoomView({ id }: { id: string }) {
  const room = useRoom(id);
  const self = useSelf();
  const shown = useOverlay((state) => state.membersShown);
  const { members } = useMembers(id);
  const membersMissing = useMembersMissing(id);
  const online = useOnlineIds();
  const { messages } = useMessages(id);
  const [edited, setEdited] = useState<ShownMessage>();
  const [looked, setLooked] = useState(false);

  useEffect(() => {
    if (room) return;
    let current = true;
    void actions
      .loadRoom(id)
      .catch(() => undefined)
      .then(() => current && setLooked(true));
    return () => {
      current = false;
    };
  }, [id, room]);

  useEffect(() => {
    if (membersMissing) void actions.loadMembers(id);
  }, [id, membersMissing]);

  useEffect(() => {
    if (room) document.title = `${room.name} · ${t("app.name")}`;
    return () => {
      document.title = t("app.name");
    };
  }, [room]);

  const here = useMemo(() => (members.length === 0 ? undefined : members.filter((user) => online.has(user.id)).length), [members, online]);
  const editLast = useCallback(() => {
    const last = [...messages].reverse().find((one) => one.author.id === self?.id && one.state === "stored" && !one.deleted_at);
    if (last) setEdited(last);
  }, [messages, self?.id]);
  const stopEditing = useCallback(() => setEdited(undefined), []);
  const editing = useMemo(() => (edited?.id ? { id: edited.id, text: edited.text } : undefined), [edited]);

  if (!room) {
    if (looked) return <RoomNotFound />;
    return (
      <main className="pane" aria-busy="true" aria-label={t("loading")}>
        <Skeleton rows={7} />
      </main>
    );
  }
  return (
    <>
      <main className="pane">
        <RoomHeader room={room} online={here} />
        <Messages key={room.id} room={room} editing={edited?.key} onEdit={setEdited} />
        <TypingLine room={room.id} />
        <Composer room={room} edited={editing} onEdited={stopEditing} onEditLast={editLast} onSent={stopEditing} />
      </main>
      {shown && (
        <Suspense fallback={null}>
          <MembersPanel room={room} />
        </Suspense>
      )}
    </>
  );
}
