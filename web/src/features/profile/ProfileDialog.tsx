import type { SubmitEvent } from "react";
import { t } from "../../i18n/t";
import { closeOverlay, openOverlay } from "../../lib/overlay";
import { useAction } from "../../lib/use-action";
import { actions, useSelf } from "../../store/contract";
import { Button } from "../../ui/Button";
import { Dialog } from "../../ui/Dialog";
import { TextArea, TextField } from "../../ui/Field";
import { InlineError } from "../../ui/InlineError";

/** The own profile. */
export function ProfileDialog() {
  const self = useSelf();
  const { busy, error, run } = useAction();
  if (!self) return null;

  const save = async (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const value = (field: string) => String(form.get(field) ?? "").trim();
    const done = await run(() =>
      actions.updateProfile({
        display_name: value("display_name") || self.name,
        email: value("email") || null,
        status: value("status") || null,
        bio: value("bio") || null,
      }),
    );
    if (done) closeOverlay();
  };

  return (
    <Dialog
      title={t("profile.title")}
      onClose={closeOverlay}
      actions={
        <>
          <Button kind="quiet" onClick={() => openOverlay({ name: "password" })}>
            {t("menu.password")}
          </Button>
          <Button kind="primary" type="submit" form="profile" busy={busy}>
            {t("profile.save")}
          </Button>
        </>
      }
    >
      <form id="profile" className="stack" onSubmit={(event) => void save(event)}>
        <TextField label={t("account.displayName")} hint={t("account.displayNameHint")} name="display_name" autoComplete="name" maxLength={80} data-autofocus defaultValue={self.display_name} />
        <TextField label={t("account.email")} optional={t("field.optional")} name="email" type="email" autoComplete="email" maxLength={254} defaultValue={self.email ?? ""} />
        <TextField label={t("profile.status")} optional={t("field.optional")} hint={t("profile.statusHint")} name="status" autoComplete="off" maxLength={100} defaultValue={self.status ?? ""} />
        <TextArea label={t("profile.bio")} optional={t("field.optional")} name="bio" maxLength={1000} defaultValue={self.bio ?? ""} />
        {error && <InlineError alert>{error}</InlineError>}
      </form>
    </Dialog>
  );
}
