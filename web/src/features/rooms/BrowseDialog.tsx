import { Compass } from "lucide-react";
import { useCallback, useMemo, useState } from "react";
import { useLocation } from "wouter";
import { errorText } from "../../i18n/errors";
import { t } from "../../i18n/t";
import { closeOverlay } from "../../lib/overlay";
import { roomPath } from "../../lib/paths";
import { folded } from "../../lib/text";
import { useList } from "../../lib/use-list";
import { actions, type MyRoom } from "../../store/contract";
import { Button } from "../../ui/Button";
import { Dialog } from "../../ui/Dialog";
import { EmptyState } from "../../ui/EmptyState";
import { Select, TextField } from "../../ui/Field";
import { InlineError } from "../../ui/InlineError";
import { Skeleton } from "../../ui/Skeleton";
import { RoomMark } from "./RoomMark";
import "../../ui/list.css";

function emptyWords(query: string, archived: boolean) {
  if (query !== "") return t("browse.noMatch", { query });
  return archived ? t("browse.noArchived") : t("browse.none.text");
}

/** The rooms that one may join or open, archived ones too. */
export function BrowseDialog() {
  const [, go] = useLocation();
  const [query, setQuery] = useState("");
  const [archived, setArchived] = useState(false);
  const [busy, setBusy] = useState<string>();
  const [error, setError] = useState<string>();
  const load = useCallback(
    async (after: string | undefined) => {
      const page = await actions.listRooms({ archived, ...(after ? { after } : {}) });
      return { items: page.rooms, next_cursor: page.next_cursor };
    },
    [archived],
  );
  const { items, status, hasMore, more, retry } = useList<MyRoom>(load);
  const found = useMemo(() => items.filter((room) => folded(`${room.name} ${room.topic ?? ""}`).includes(folded(query))), [items, query]);

  const open = async (room: MyRoom) => {
    setBusy(room.id);
    try {
      if (!room.joined && !room.archived) await actions.joinRoom(room.id);
      closeOverlay();
      go(roomPath(room.id));
    } catch (failure) {
      setError(errorText(failure));
    } finally {
      setBusy(undefined);
    }
  };

  return (
    <Dialog title={t("browse.title")} size="large" onClose={closeOverlay}>
      <div className="list-tools">
        <TextField label={t("browse.find")} type="search" value={query} autoComplete="off" data-autofocus onChange={(event) => setQuery(event.target.value)} />
        <Select
          label={t("browse.which")}
          value={archived ? "archived" : "open"}
          options={[
            { value: "open", label: t("browse.open") },
            { value: "archived", label: t("browse.archived") },
          ]}
          onChange={(value) => setArchived(value === "archived")}
        />
      </div>
      {error && <InlineError alert>{error}</InlineError>}
      {status === "loading" && <Skeleton rows={4} />}
      {status === "failed" && (
        <InlineError alert action={<Button kind="quiet" onClick={retry}>{t("action.retry")}</Button>}>
          {t("browse.failed")}
        </InlineError>
      )}
      {status === "ready" && found.length === 0 && (
        <EmptyState icon={Compass} title={t("browse.none.title")}>
          {emptyWords(query, archived)}
        </EmptyState>
      )}
      {status === "ready" && (
        <ul className="list">
          {found.map((room) => (
            <li className="list-row" key={room.id}>
              <RoomMark isPrivate={room.private} archived={room.archived} />
              <span className="list-words">
                <bdi className="list-name truncate">{room.name}</bdi>
                <span className="list-note truncate">
                  {t("header.members", { count: room.members })}
                  {room.topic && (
                    <>
                      {" · "}
                      <bdi>{room.topic}</bdi>
                    </>
                  )}
                </span>
              </span>
              <Button kind={room.joined || room.archived ? "quiet" : "plain"} busy={busy === room.id} aria-label={`${t(room.joined || room.archived ? "browse.go" : "browse.join")}: ${room.name}`} onClick={() => void open(room)}>
                {t(room.joined || room.archived ? "browse.go" : "browse.join")}
              </Button>
            </li>
          ))}
        </ul>
      )}
      {status === "ready" && hasMore && (
        <Button kind="quiet" wide onClick={() => void more()}>
          {t("action.more")}
        </Button>
      )}
    </Dialog>
  );
}
