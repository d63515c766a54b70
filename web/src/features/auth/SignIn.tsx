import { useState, type SubmitEvent } from "react";
import { errorText } from "../../i18n/errors";
import { t } from "../../i18n/t";
import { actions } from "../../store/contract";
import { Button } from "../../ui/Button";
import { TextField } from "../../ui/Field";
import { InlineError } from "../../ui/InlineError";
import { AuthPage } from "./AuthPage";

/** Name or e-mail and password. */
export function SignIn() {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string>();

  const send = async (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    setBusy(true);
    setError(undefined);
    try {
      await actions.signIn({ login: String(form.get("login") ?? "").trim(), password: String(form.get("password") ?? "") });
    } catch (failure) {
      setError(errorText(failure));
    } finally {
      setBusy(false);
    }
  };

  return (
    <AuthPage title={t("signIn.title")} foot={t("signIn.help")}>
      <form className="auth-form" onSubmit={(event) => void send(event)}>
        <TextField label={t("signIn.login")} name="login" autoComplete="username" autoCapitalize="none" spellCheck={false} required autoFocus />
        <TextField label={t("signIn.password")} name="password" type="password" autoComplete="current-password" required />
        {error && <InlineError alert>{error}</InlineError>}
        <Button kind="primary" type="submit" wide busy={busy}>
          {t("signIn.submit")}
        </Button>
      </form>
    </AuthPage>
  );
}
