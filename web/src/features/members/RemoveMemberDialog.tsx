import { rich, t } from "../../i18n/t";
import { closeOverlay } from "../../lib/overlay";
import { useAction } from "../../lib/use-action";
import { actions } from "../../store/contract";
import { Button } from "../../ui/Button";
import { Dialog } from "../../ui/Dialog";
import { InlineError } from "../../ui/InlineError";

export function RemoveMemberDialog({ room, user, display }: { room: string; user: string; display: string }) {
  const { busy, error, run } = useAction();
  const remove = async () => {
    if (await run(() => actions.removeMember(room, user))) closeOverlay();
  };
  return (
    <Dialog
      size="small"
      title={rich("removeMember.title", { name: <bdi>{display}</bdi> })}
      lead={t("removeMember.text")}
      onClose={closeOverlay}
      actions={
        <>
          <Button kind="quiet" onClick={closeOverlay}>
            {t("action.cancel")}
          </Button>
          <Button kind="danger" busy={busy} onClick={() => void remove()}>
            {t("removeMember.submit")}
          </Button>
        </>
      }
    >
      {error && <InlineError alert>{error}</InlineError>}
    </Dialog>
  );
}
