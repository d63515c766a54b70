import { useState, type SubmitEvent } from "react";
import { t } from "../../i18n/t";
import { codePoints } from "../../lib/text";
import { errorText } from "../../i18n/errors";
import { Button } from "../../ui/Button";
import { TextField } from "../../ui/Field";
import { InlineError } from "../../ui/InlineError";

export interface NewAccount {
  name: string;
  display_name?: string;
  email?: string;
  password: string;
}

const passwordMin_points = 8;

interface AccountFormProps {
  submit: string;
  onSubmit: (account: NewAccount) => Promise<void>;
}

/** What a new account needs: for the first owner and for whoever was invited. */
export function AccountForm({ submit, onSubmit }: AccountFormProps) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string>();
  const [faults, setFaults] = useState<{ name?: string; password?: string }>({});

  const send = async (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const value = (field: string) => String(form.get(field) ?? "").trim();
    const password = String(form.get("password") ?? "");
    const found = {
      ...(value("name") === "" ? { name: t("account.nameMissing") } : {}),
      ...(codePoints(password) < passwordMin_points ? { password: t("account.passwordShort") } : {}),
    };
    setFaults(found);
    setError(undefined);
    if (Object.keys(found).length > 0) return;
    setBusy(true);
    try {
      await onSubmit({
        name: value("name"),
        password,
        ...(value("display_name") ? { display_name: value("display_name") } : {}),
        ...(value("email") ? { email: value("email") } : {}),
      });
    } catch (failure) {
      setError(errorText(failure));
    } finally {
      setBusy(false);
    }
  };

  return (
    <form className="auth-form" noValidate onSubmit={(event) => void send(event)}>
      <TextField
        label={t("account.name")}
        hint={t("account.nameHint")}
        error={faults.name}
        name="name"
        autoComplete="username"
        autoCapitalize="none"
        spellCheck={false}
        maxLength={40}
        autoFocus
      />
      <TextField label={t("account.displayName")} optional={t("field.optional")} name="display_name" autoComplete="name" maxLength={80} />
      <TextField label={t("account.email")} optional={t("field.optional")} name="email" type="email" autoComplete="email" maxLength={254} />
      <TextField
        label={t("account.password")}
        hint={t("account.passwordHint")}
        error={faults.password}
        name="password"
        type="password"
        autoComplete="new-password"
        maxLength={256}
      />
      {error && <InlineError alert>{error}</InlineError>}
      <Button kind="primary" type="submit" wide busy={busy}>
        {submit}
      </Button>
    </form>
  );
}
