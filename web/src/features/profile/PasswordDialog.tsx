import { useState, type SubmitEvent } from "react";
import { t } from "../../i18n/t";
import { closeOverlay } from "../../lib/overlay";
import { codePoints } from "../../lib/text";
import { useAction } from "../../lib/use-action";
import { actions, useSelf } from "../../store/contract";
import { Button } from "../../ui/Button";
import { Dialog } from "../../ui/Dialog";
import { TextField } from "../../ui/Field";
import { InlineError } from "../../ui/InlineError";

const passwordMin_points = 8;

export function PasswordDialog() {
  const self = useSelf();
  const { busy, error, run } = useAction();
  const [short, setShort] = useState(false);
  const [done, setDone] = useState(false);

  const change = async (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const next = String(form.get("new_password") ?? "");
    const isShort = codePoints(next) < passwordMin_points;
    setShort(isShort);
    if (isShort) return;
    const old = String(form.get("old_password") ?? "");
    if (await run(() => actions.changePassword({ old_password: old, new_password: next }))) setDone(true);
  };

  if (done) {
    return (
      <Dialog title={t("password.title")} size="small" onClose={closeOverlay} actions={<Button kind="primary" data-autofocus onClick={closeOverlay}>{t("action.close")}</Button>}>
        <p role="status">{t("password.changed")}</p>
      </Dialog>
    );
  }
  return (
    <Dialog
      title={t("password.title")}
      lead={t("password.lead")}
      size="small"
      onClose={closeOverlay}
      actions={
        <>
          <Button kind="quiet" onClick={closeOverlay}>
            {t("action.cancel")}
          </Button>
          <Button kind="primary" type="submit" form="password" busy={busy}>
            {t("password.submit")}
          </Button>
        </>
      }
    >
      <form id="password" className="stack" noValidate onSubmit={(event) => void change(event)}>
        <input className="visually-hidden" type="text" name="username" autoComplete="username" tabIndex={-1} aria-hidden="true" readOnly value={self?.name ?? ""} />
        <TextField label={t("password.old")} name="old_password" type="password" autoComplete="current-password" data-autofocus />
        <TextField label={t("password.new")} hint={t("account.passwordHint")} error={short ? t("account.passwordShort") : undefined} name="new_password" type="password" autoComplete="new-password" />
        {error && <InlineError alert>{error}</InlineError>}
      </form>
    </Dialog>
  );
}
