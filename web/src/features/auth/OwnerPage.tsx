import { useState } from "react";
import { Link } from "wouter";
import { isErrorCode } from "../../i18n/errors";
import { t } from "../../i18n/t";
import { actions } from "../../store/contract";
import { AccountForm, type NewAccount } from "./AccountForm";
import { AuthPage } from "./AuthPage";

type Fault = "used" | "invalid";

/** The one-time page at which the first person makes the owner's account. The secret is in the fragment: no server log has it. */
export function OwnerPage({ secret, onDone }: { secret: string; onDone: () => void }) {
  const [fault, setFault] = useState<Fault>();

  const create = async (account: NewAccount) => {
    try {
      await actions.createOwner({ secret, ...account });
      onDone();
    } catch (failure) {
      if (isErrorCode(failure, "owner_exists")) setFault("used");
      else if (isErrorCode(failure, "invalid_token")) setFault("invalid");
      else throw failure;
    }
  };

  const signIn = <Link href="/">{t("owner.goSignIn")}</Link>;
  if (secret === "") return <AuthPage title={t("owner.missing.title")} lead={t("owner.missing.text")} foot={signIn} />;
  if (fault === "used") return <AuthPage title={t("owner.used.title")} lead={t("owner.used.text")} foot={signIn} />;
  if (fault === "invalid") return <AuthPage title={t("owner.invalid.title")} lead={t("owner.invalid.text")} foot={signIn} />;
  return (
    <AuthPage title={t("owner.title")} lead={t("owner.lead")}>
      <AccountForm submit={t("owner.submit")} onSubmit={create} />
    </AuthPage>
  );
}
