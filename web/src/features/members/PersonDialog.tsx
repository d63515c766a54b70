import { useEffect, useState } from "react";
import { formatDate, t } from "../../i18n/t";
import { closeOverlay, openOverlay } from "../../lib/overlay";
import { actions, useOnline, useSelf, type User } from "../../store/contract";
import { Avatar } from "../../ui/Avatar";
import { Button } from "../../ui/Button";
import { Dialog } from "../../ui/Dialog";
import { InlineError } from "../../ui/InlineError";
import { LinkedText } from "../../ui/LinkedText";
import { PresenceDot } from "../../ui/PresenceDot";
import { Skeleton } from "../../ui/Skeleton";
import "./members.css";

function Person({ user }: { user: User }) {
  const self = useSelf();
  const online = useOnline(user.id);
  const name = user.display_name || user.name;
  return (
    <div className="person">
      <Avatar id={user.id} name={name} size={64} />
      <p className="person-name">
        <bdi>{name}</bdi>
      </p>
      <p className="person-facts">
        <bdi>@{user.name}</bdi>
        <span aria-hidden="true">·</span>
        <span>{t(`role.${user.role}`)}</span>
        <span aria-hidden="true">·</span>
        <span>
          <PresenceDot online={online} quiet />
          {t(online ? "presence.online" : "presence.offline")}
        </span>
      </p>
      {user.disabled && <InlineError>{t("card.disabled")}</InlineError>}
      {user.status && (
        <p className="person-status">
          <bdi>{user.status}</bdi>
        </p>
      )}
      {user.bio && (
        <p className="person-bio" dir="auto">
          <LinkedText text={user.bio} />
        </p>
      )}
      <p className="person-facts">{t("card.since", { date: formatDate(new Date(user.created_at)) })}</p>
      {user.id === self?.id && (
        <Button onClick={() => openOverlay({ name: "profile" })}>{t("card.edit")}</Button>
      )}
    </div>
  );
}

/** A person's card. */
export function PersonDialog({ id }: { id: string }) {
  const [user, setUser] = useState<User>();
  const [failed, setFailed] = useState(false);
  useEffect(() => {
    let current = true;
    actions.getUser(id).then(
      (found) => current && setUser(found),
      () => current && setFailed(true),
    );
    return () => {
      current = false;
    };
  }, [id]);
  return (
    <Dialog title={t("card.title")} size="small" onClose={closeOverlay}>
      {user ? <Person user={user} /> : failed ? <InlineError alert>{t("card.failed")}</InlineError> : <Skeleton rows={2} />}
    </Dialog>
  );
}
