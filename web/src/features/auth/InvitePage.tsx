import { useCallback, useEffect, useState } from "react";
import { Link } from "wouter";
import { isErrorCode } from "../../i18n/errors";
import { formatShort, rich, t } from "../../i18n/t";
import { actions, type InviteShow } from "../../store/contract";
import { Button } from "../../ui/Button";
import { AccountForm, type NewAccount } from "./AccountForm";
import { AuthPage, GoSignIn } from "./AuthPage";

type Look = { state: "checking" } | { state: "open"; invite: InviteShow } | { state: "closed" } | { state: "failed" };

/** Sign-up by an invite: says who invites, and until when; explains a link that no longer works. */
export function InvitePage({ secret, onDone }: { secret: string; onDone: () => void }) {
  const [look, setLook] = useState<Look>({ state: "checking" });

  const check = useCallback(async () => {
    try {
      setLook({ state: "open", invite: await actions.showInvite(secret) });
    } catch (failure) {
      const gone = isErrorCode(failure, "invite_invalid") || isErrorCode(failure, "not_found") || isErrorCode(failure, "invalid_field");
      setLook({ state: gone ? "closed" : "failed" });
    }
  }, [secret]);

  useEffect(() => {
    if (secret !== "") void check();
  }, [secret, check]);

  const create = async (account: NewAccount) => {
    try {
      await actions.signUp({ invite: secret, ...account });
      onDone();
    } catch (failure) {
      if (isErrorCode(failure, "invite_invalid")) setLook({ state: "closed" });
      else throw failure;
    }
  };

  const foot = (
    <>
      {t("invite.have")} <Link href="/">{t("signIn.submit")}</Link>
    </>
  );
  if (secret === "") return <AuthPage title={t("invite.missing.title")} lead={t("invite.missing.text")}><GoSignIn /></AuthPage>;
  if (look.state === "checking") return <AuthPage title={t("invite.title")} lead={<span role="status">{t("invite.checking")}</span>} />;
  if (look.state === "closed") return <AuthPage title={t("invite.expired.title")} lead={t("invite.expired.text")}><GoSignIn /></AuthPage>;
  if (look.state === "failed") {
    return (
      <AuthPage title={t("invite.failed.title")} lead={t("invite.failed.text")}>
        <div className="auth-actions">
          <Button kind="primary" onClick={() => void check()}>
            {t("action.retry")}
          </Button>
        </div>
      </AuthPage>
    );
  }
  const { invite } = look;
  return (
    <AuthPage
      title={t("invite.title")}
      lead={
        <>
          <span className="auth-inviter">{invite.invited_by ? rich("invite.by", { name: <bdi>{invite.invited_by}</bdi> }) : t("invite.anyone")}</span>{" "}
          <span className="auth-terms">{t("invite.asRole", { role: t(`role.${invite.role}`).toLocaleLowerCase(), date: formatShort(new Date(invite.expires_at)) })}</span>
        </>
      }
      foot={foot}
    >
      <AccountForm submit={t("invite.submit")} onSubmit={create} />
    </AuthPage>
  );
}
