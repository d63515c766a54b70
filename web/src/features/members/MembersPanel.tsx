import { UserMinus, UserPlus, X } from "lucide-react";
import { useMemo, useState } from "react";
import { formatNumber, t } from "../../i18n/t";
import { mayManage, mayRemove } from "../../lib/may";
import { openOverlay, showMembers } from "../../lib/overlay";
import { folded } from "../../lib/text";
import { actions, useMembers, useOnlineIds, useSelf, type MyRoom, type User } from "../../store/contract";
import { Button } from "../../ui/Button";
import { TextField } from "../../ui/Field";
import { IconButton } from "../../ui/IconButton";
import { InlineError } from "../../ui/InlineError";
import { PersonAvatar } from "../../ui/Person";
import { Skeleton } from "../../ui/Skeleton";
import "./members.css";

const findFrom_people = 12;
const collator = new Intl.Collator(undefined, { sensitivity: "base" });

function nameOf(user: User): string {
  return user.display_name || user.name;
}

function Member({ user, room, online }: { user: User; room: MyRoom; online: boolean }) {
  const self = useSelf();
  const name = nameOf(user);
  const removable = self !== undefined && mayRemove(self, room, user);
  return (
    <li className="member">
      <button type="button" className="member-open" onClick={() => openOverlay({ name: "person", user: user.id })}>
        <PersonAvatar id={user.id} name={name} online={online} size={28} />
        <span className="member-words">
          <span className="member-line">
            <bdi className="truncate member-name">{name}</bdi>
            {user.id === self?.id && <span className="member-note">{t("members.you")}</span>}
            {user.role !== "member" && <span className="member-note">{t(`role.${user.role}`)}</span>}
          </span>
          {user.status && <bdi className="truncate member-status">{user.status}</bdi>}
        </span>
      </button>
      {removable && (
        <span className="member-act tooltip-end">
          <IconButton
            small
            icon={UserMinus}
            label={`${t("members.remove")}: ${name}`}
            tip={false}
            title={t("members.remove")}
            onClick={() => openOverlay({ name: "remove-member", room: room.id, user: user.id, display: name })}
          />
        </span>
      )}
    </li>
  );
}

function Group({ title, users, room, online }: { title: string; users: readonly User[]; room: MyRoom; online: boolean }) {
  if (users.length === 0) return null;
  return (
    <section>
      <h3 className="members-group">
        {title} <span className="tabular">{formatNumber(users.length)}</span>
      </h3>
      <ul>
        {users.map((user) => (
          <Member key={user.id} user={user} room={room} online={online} />
        ))}
      </ul>
    </section>
  );
}

/** Who is in the room, those who are here first. */
export function MembersPanel({ room }: { room: MyRoom }) {
  const self = useSelf();
  const { members, status } = useMembers(room.id);
  const online = useOnlineIds();
  const [query, setQuery] = useState("");

  const found = useMemo(() => {
    const wanted = folded(query);
    const all = members.filter((user) => folded(`${user.display_name} ${user.name}`).includes(wanted));
    return all.sort((a, b) => collator.compare(nameOf(a), nameOf(b)));
  }, [members, query]);
  const here = found.filter((user) => online.has(user.id));
  const away = found.filter((user) => !online.has(user.id));
  const mayAdd = self !== undefined && room.joined && !room.archived && mayManage(self, room);

  return (
    <aside className="members" aria-label={t("members.title")} data-region="members">
      <header className="members-head">
        <h2 className="members-title">{t("members.title")}</h2>
        {mayAdd && <IconButton icon={UserPlus} label={t("members.add")} onClick={() => openOverlay({ name: "add-people", room: room.id })} />}
        <IconButton icon={X} label={t("header.hideMembers")} tip={false} onClick={() => showMembers(false)} />
      </header>
      <div className="members-scroll">
        {members.length > findFrom_people && (
          <div className="members-find">
            <TextField label={t("members.find")} type="search" value={query} autoComplete="off" onChange={(event) => setQuery(event.target.value)} />
          </div>
        )}
        {status === "loading" && members.length === 0 && <Skeleton rows={5} />}
        {status === "failed" && (
          <div className="members-find">
            <InlineError alert action={<Button kind="quiet" onClick={() => void actions.loadMembers(room.id)}>{t("action.retry")}</Button>}>
              {t("members.failed")}
            </InlineError>
          </div>
        )}
        <Group title={t("members.online")} users={here} room={room} online />
        <Group title={t("members.offline")} users={away} room={room} online={false} />
        {status === "ready" && found.length === 0 && <p className="members-none">{t("members.noMatch")}</p>}
      </div>
    </aside>
  );
}
