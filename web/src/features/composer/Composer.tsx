import { useCallback, useEffect, useState } from "react";
import { t } from "../../i18n/t";
import { useAction } from "../../lib/use-action";
import { actions, useDraft, type MyRoom } from "../../store/contract";
import { Button } from "../../ui/Button";
import { InlineError } from "../../ui/InlineError";
import { ComposerBox } from "./ComposerBox";
import "./composer.css";

export interface Edited {
  id: string;
  text: string;
}

interface ComposerProps {
  room: MyRoom;
  /** The own message that is being edited. */
  edited: Edited | undefined;
  onEdited: () => void;
  onEditLast: () => void;
  onSent: () => void;
}

/** The composer of a room; where nothing can be written, it says why and what to do. */
export function Composer({ room, edited, onEdited, onEditLast, onSent }: ComposerProps) {
  const draft = useDraft(room.id);
  const [changed, setChanged] = useState("");
  const { error, run, busy } = useAction();

  useEffect(() => setChanged(edited?.text ?? ""), [edited]);

  const onTyping = useCallback(() => actions.typing(room.id), [room.id]);

  if (room.archived) {
    return (
      <div className="composer-region" data-region="composer">
        <p className="composer-closed">{t("composer.archived")}</p>
      </div>
    );
  }
  if (!room.joined) {
    return (
      <div className="composer-region" data-region="composer">
        <div className="composer-closed">
          <span>{t("composer.preview")}</span>
          <Button kind="primary" busy={busy} onClick={() => void run(() => actions.joinRoom(room.id))}>
            {t("composer.join")}
          </Button>
          {error && <InlineError alert>{error}</InlineError>}
        </div>
      </div>
    );
  }

  const send = async (text: string) => {
    if (!edited) {
      actions.sendMessage(room.id, text);
      actions.setDraft(room.id, "");
      onSent();
      return;
    }
    if (text === edited.text || (await run(() => actions.editMessage(room.id, edited.id, text)))) onEdited();
  };

  return (
    <div className="composer-region" data-region="composer">
      {error && <InlineError alert>{error}</InlineError>}
      <ComposerBox
        key={room.id}
        label={t("composer.placeholder", { room: room.name })}
        placeholder={t("composer.placeholder", { room: room.name })}
        text={edited ? changed : draft}
        editing={edited !== undefined}
        onText={(text) => (edited ? setChanged(text) : actions.setDraft(room.id, text))}
        onSend={(text) => void send(text)}
        onCancel={onEdited}
        onEditLast={onEditLast}
        onTyping={onTyping}
      />
    </div>
  );
}
