import { useCallback, useDeferredValue, useEffect, useMemo, useState } from "react";
import { errorText } from "../../i18n/errors";
import { rich, t } from "../../i18n/t";
import { closeOverlay } from "../../lib/overlay";
import { useList } from "../../lib/use-list";
import { actions, useMembers, useOnlineIds, useRoom, type User } from "../../store/contract";
import { Button } from "../../ui/Button";
import { Dialog } from "../../ui/Dialog";
import { TextField } from "../../ui/Field";
import { InlineError } from "../../ui/InlineError";
import { PersonAvatar } from "../../ui/Person";
import { Skeleton } from "../../ui/Skeleton";
import "../../ui/list.css";

/** Puts people of the workspace into a room. */
export function AddPeopleDialog({ id }: { id: string }) {
  const room = useRoom(id);
  const { members } = useMembers(id);
  const online = useOnlineIds();
  const [query, setQuery] = useState("");
  const [busy, setBusy] = useState<string>();
  const [error, setError] = useState<string>();
  const asked = useDeferredValue(query.trim());
  const load = useCallback(
    async (after: string | undefined) => {
      const page = await actions.listUsers({ ...(asked ? { query: asked } : {}), ...(after ? { after } : {}) });
      return { items: page.users, next_cursor: page.next_cursor };
    },
    [asked],
  );
  const { items, status, hasMore, more, retry } = useList<User>(load);
  const inside = useMemo(() => new Set(members.map((member) => member.id)), [members]);

  useEffect(() => {
    void actions.loadMembers(id);
  }, [id]);

  const add = async (user: User) => {
    setBusy(user.id);
    setError(undefined);
    try {
      await actions.addMember(id, user.id);
    } catch (failure) {
      setError(errorText(failure));
    } finally {
      setBusy(undefined);
    }
  };

  if (!room) return null;
  const people = items.filter((user) => !user.disabled);
  return (
    <Dialog title={rich("addPeople.title", { room: <bdi>{room.name}</bdi> })} onClose={closeOverlay}>
      <TextField label={t("addPeople.find")} type="search" value={query} autoComplete="off" data-autofocus onChange={(event) => setQuery(event.target.value)} />
      {error && <InlineError alert>{error}</InlineError>}
      {status === "loading" && items.length === 0 && <Skeleton rows={4} />}
      {status === "failed" && (
        <InlineError alert action={<Button kind="quiet" onClick={retry}>{t("action.retry")}</Button>}>
          {t("addPeople.failed")}
        </InlineError>
      )}
      {status === "ready" && people.length === 0 && <p className="quiet switcher-none">{t("addPeople.noMatch", { query })}</p>}
      <ul className="list">
        {people.map((user) => {
          const name = user.display_name || user.name;
          return (
            <li className="list-row" key={user.id}>
              <PersonAvatar id={user.id} name={name} online={online.has(user.id)} />
              <span className="list-words">
                <bdi className="list-name truncate">{name}</bdi>
                <bdi className="list-note truncate">@{user.name}</bdi>
              </span>
              {inside.has(user.id) ? (
                <span className="list-note">{t("addPeople.inRoom")}</span>
              ) : (
                <Button busy={busy === user.id} aria-label={`${t("addPeople.add")}: ${name}`} onClick={() => void add(user)}>
                  {t("addPeople.add")}
                </Button>
              )}
            </li>
          );
        })}
      </ul>
      {hasMore && (
        <Button kind="quiet" wide onClick={() => void more()}>
          {t("action.more")}
        </Button>
      )}
    </Dialog>
  );
}
