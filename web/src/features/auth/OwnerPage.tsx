import { useState } from "react";
import { isErrorCode } from "../../i18n/errors";
import { t } from "../../i18n/t";
import { actions } from "../../store/contract";
import { AccountForm, type NewAccount } from "./AccountForm";
import { AuthPage, GoSignIn } from "./AuthPage";

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
      else if (isErrorCode(failure, "invite_invalid")) setFault("invalid");
      else throw failure;
    }
  };

  if (secret === "") return <AuthPage title={t("owner.missing.title")} lead={t("owner.missing.text")}><GoSignIn /></AuthPage>;
  if (fault === "used") return <AuthPage title={t("owner.used.title")} lead={t("owner.used.text")}><GoSignIn /></AuthPage>;
  if (fault === "invalid") return <AuthPage title={t("owner.invalid.title")} lead={t("owner.invalid.text")}><GoSignIn /></AuthPage>;
  return (
    <AuthPage title={t("owner.title")} lead={t("owner.lead")}>
      <AccountForm submit={t("owner.submit")} onSubmit={create} />
    </AuthPage>
  );
}
