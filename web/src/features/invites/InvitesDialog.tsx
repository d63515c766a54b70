import { Check, Copy } from "lucide-react";
import { useCallback, useState, type SubmitEvent } from "react";
import { errorText } from "../../i18n/errors";
import { formatUntil, rich, t } from "../../i18n/t";
import { closeOverlay } from "../../lib/overlay";
import { useAction } from "../../lib/use-action";
import { useList } from "../../lib/use-list";
import { useNow } from "../../lib/use-now";
import { actions, useRooms, useSelf, type Invite, type Role } from "../../store/contract";
import { Button } from "../../ui/Button";
import { Dialog } from "../../ui/Dialog";
import { Select, TextField } from "../../ui/Field";
import { Icon } from "../../ui/Icon";
import { InlineError } from "../../ui/InlineError";
import { Skeleton } from "../../ui/Skeleton";
import "../../ui/list.css";
import "./invites.css";

const lifetimes_s = [
  { value: "3600", key: "invites.hour" },
  { value: "86400", key: "invites.day" },
  { value: "604800", key: "invites.week" },
  { value: "2592000", key: "invites.month" },
] as const;
const usesMax = 1000;

function rolesFor(own: Role): Role[] {
  return own === "owner" ? ["member", "guest", "admin"] : ["member", "guest"];
}

function CopyLink({ url }: { url: string }) {
  const [state, setState] = useState<"idle" | "copied" | "failed">("idle");
  const copy = () => {
    navigator.clipboard.writeText(url).then(
      () => setState("copied"),
      () => setState("failed"),
    );
  };
  return (
    <div className="invite-link" role="group" aria-label={t("invites.link")}>
      <p className="field-label">{t("invites.link")}</p>
      <div className="invite-link-row">
        <input className="field-input invite-url" readOnly value={url} aria-label={t("invites.link")} onFocus={(event) => event.target.select()} />
        <Button kind="primary" onClick={copy}>
          <Icon of={state === "copied" ? Check : Copy} />
          {t(state === "copied" ? "action.copied" : "action.copy")}
        </Button>
      </div>
      <p className="field-hint" role="status">
        {t(state === "failed" ? "invites.copyFailed" : "invites.linkOnce")}
      </p>
    </div>
  );
}

/** Makes, lists and revokes invite links. */
export function InvitesDialog({ room }: { room?: string | undefined }) {
  const self = useSelf();
  const rooms = useRooms();
  const now = useNow(30_000);
  const { busy, error, run } = useAction();
  const [role, setRole] = useState<Role>("member");
  const [expires, setExpires] = useState("604800");
  const [into, setInto] = useState(room ?? "");
  const [usesFault, setUsesFault] = useState<string>();
  const [url, setUrl] = useState<string>();
  const [revokeError, setRevokeError] = useState<string>();
  const load = useCallback(async () => ({ items: (await actions.listInvites()).invites, next_cursor: null }), []);
  const { items, setItems, status, retry } = useList<Invite>(load);

  const create = async (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    const uses = Number(new FormData(event.currentTarget).get("uses"));
    const fault = Number.isInteger(uses) && uses >= 1 && uses <= usesMax ? undefined : t("invites.usesRange");
    setUsesFault(fault);
    if (fault) return;
    await run(async () => {
      const made = await actions.createInvite({ role, uses, expires_in: Number(expires), ...(into ? { room: into } : {}) });
      setUrl(made.url); /* absent only in the answer to a retry, and none is made here */
      setItems((before) => [made.invite, ...before]);
    });
  };

  const revoke = async (invite: Invite) => {
    setRevokeError(undefined);
    try {
      await actions.revokeInvite(invite.id);
      setItems((before) => before.filter((other) => other.id !== invite.id));
    } catch (failure) {
      setRevokeError(errorText(failure));
    }
  };

  const first = role === "guest" ? t("invites.room.choose") : t("invites.room.general");
  return (
    <Dialog title={t("invites.title")} lead={t("invites.lead")} size="large" onClose={closeOverlay}>
      <form className="invite-form" noValidate onSubmit={(event) => void create(event)}>
        <Select label={t("invites.role")} value={role} options={rolesFor(self?.role ?? "member").map((one) => ({ value: one, label: t(`role.${one}`) }))} onChange={(value) => setRole(value as Role)} />
        <TextField label={t("invites.uses")} name="uses" type="number" inputMode="numeric" min={1} max={usesMax} defaultValue={1} error={usesFault} />
        <Select label={t("invites.expires")} value={expires} options={lifetimes_s.map((one) => ({ value: one.value, label: t(one.key) }))} onChange={setExpires} />
        <Select
          label={t("invites.room")}
          value={into}
          options={[{ value: "", label: first }, ...rooms.filter((one) => !one.archived).map((one) => ({ value: one.id, label: one.name }))]}
          onChange={setInto}
        />
        {error && <InlineError alert>{error}</InlineError>}
        <Button kind={url ? "plain" : "primary"} type="submit" busy={busy} disabled={role === "guest" && into === ""}>
          {t("invites.submit")}
        </Button>
      </form>
      {url && <CopyLink key={url} url={url} />}
      <h3 className="list-title">{t("invites.active")}</h3>
      {revokeError && <InlineError alert>{revokeError}</InlineError>}
      {status === "loading" && <Skeleton rows={2} />}
      {status === "failed" && (
        <InlineError alert action={<Button kind="quiet" onClick={retry}>{t("action.retry")}</Button>}>
          {t("invites.failed")}
        </InlineError>
      )}
      {status === "ready" && items.length === 0 && <p className="quiet">{t("invites.none")}</p>}
      <ul className="list">
        {items.map((invite) => (
          <li className="list-row" key={invite.id}>
            <span className="list-words">
              <span className="list-name truncate">
                {t(`role.${invite.role}`)} · {t("invites.left", { count: invite.uses_left })}
              </span>
              <span className="list-note truncate">
                {rich("invites.row", { name: <bdi>{invite.created_by}</bdi>, when: formatUntil(new Date(invite.expires_at), new Date(now)) })}
              </span>
            </span>
            <Button kind="quiet" onClick={() => void revoke(invite)}>
              {t("invites.revoke")}
            </Button>
          </li>
        ))}
      </ul>
    </Dialog>
  );
}
