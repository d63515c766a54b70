import { t } from "../../i18n/t";
import { closeOverlay } from "../../lib/overlay";
import { useAction } from "../../lib/use-action";
import { actions } from "../../store/contract";
import { Button } from "../../ui/Button";
import { Dialog } from "../../ui/Dialog";
import { InlineError } from "../../ui/InlineError";

export function DeleteMessageDialog({ room, message }: { room: string; message: string }) {
  const { busy, error, run } = useAction();
  const remove = async () => {
    if (await run(() => actions.deleteMessage(room, message))) closeOverlay();
  };
  return (
    <Dialog
      size="small"
      title={t("deleteMessage.title")}
      lead={t("deleteMessage.text")}
      onClose={closeOverlay}
      actions={
        <>
          <Button kind="quiet" onClick={closeOverlay}>
            {t("action.cancel")}
          </Button>
          <Button kind="danger" data-autofocus busy={busy} onClick={() => void remove()}>
            {t("deleteMessage.submit")}
          </Button>
        </>
      }
    >
      {error && <InlineError alert>{error}</InlineError>}
    </Dialog>
  );
}
