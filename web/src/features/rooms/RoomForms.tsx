import { useState, type SubmitEvent } from "react";
import { useLocation } from "wouter";
import { rich, t } from "../../i18n/t";
import { closeOverlay } from "../../lib/overlay";
import { homePath, roomPath } from "../../lib/paths";
import { useAction } from "../../lib/use-action";
import { actions, useRoom } from "../../store/contract";
import { Button } from "../../ui/Button";
import { Dialog } from "../../ui/Dialog";
import { TextField } from "../../ui/Field";
import { InlineError } from "../../ui/InlineError";
import { Switch } from "../../ui/Switch";

const nameMax = 80;
const topicMax = 250;

function valueOf(form: HTMLFormElement, field: string): string {
  return String(new FormData(form).get(field) ?? "").trim();
}

export function NewRoomDialog() {
  const [, go] = useLocation();
  const { busy, error, run } = useAction();
  const [isPrivate, setPrivate] = useState(false);
  const [nameless, setNameless] = useState(false);

  const create = async (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = event.currentTarget;
    const name = valueOf(form, "name");
    const topic = valueOf(form, "topic");
    setNameless(name === "");
    if (name === "") return;
    await run(async () => {
      const room = await actions.createRoom({ name, private: isPrivate, ...(topic ? { topic } : {}) });
      closeOverlay();
      go(roomPath(room.id));
    });
  };

  return (
    <Dialog
      title={t("newRoom.title")}
      onClose={closeOverlay}
      actions={
        <>
          <Button kind="quiet" onClick={closeOverlay}>
            {t("action.cancel")}
          </Button>
          <Button kind="primary" type="submit" form="new-room" busy={busy}>
            {t("newRoom.submit")}
          </Button>
        </>
      }
    >
      <form id="new-room" className="stack" noValidate onSubmit={(event) => void create(event)}>
        <TextField label={t("newRoom.name")} name="name" maxLength={nameMax} autoComplete="off" data-autofocus error={nameless ? t("newRoom.nameMissing") : undefined} />
        <TextField label={t("newRoom.topic")} optional={t("field.optional")} hint={t("newRoom.topicHint")} name="topic" maxLength={topicMax} autoComplete="off" />
        <Switch label={t("newRoom.private")} hint={t("newRoom.privateHint")} checked={isPrivate} onChange={setPrivate} />
        {error && <InlineError alert>{error}</InlineError>}
      </form>
    </Dialog>
  );
}

export function EditRoomDialog({ id }: { id: string }) {
  const room = useRoom(id);
  const { busy, error, run } = useAction();
  const [nameless, setNameless] = useState(false);
  if (!room) return null;

  const save = async (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    const name = valueOf(event.currentTarget, "name");
    const topic = valueOf(event.currentTarget, "topic");
    setNameless(name === "");
    if (name === "") return;
    if (await run(() => actions.updateRoom(id, { name, topic: topic === "" ? null : topic }))) closeOverlay();
  };

  return (
    <Dialog
      title={t("editRoom.title")}
      onClose={closeOverlay}
      actions={
        <>
          <Button kind="quiet" onClick={closeOverlay}>
            {t("action.cancel")}
          </Button>
          <Button kind="primary" type="submit" form="edit-room" busy={busy}>
            {t("editRoom.submit")}
          </Button>
        </>
      }
    >
      <form id="edit-room" className="stack" noValidate onSubmit={(event) => void save(event)}>
        <TextField label={t("newRoom.name")} name="name" maxLength={nameMax} autoComplete="off" data-autofocus defaultValue={room.name} error={nameless ? t("newRoom.nameMissing") : undefined} />
        <TextField label={t("newRoom.topic")} optional={t("field.optional")} hint={t("newRoom.topicHint")} name="topic" maxLength={topicMax} autoComplete="off" defaultValue={room.topic ?? ""} />
        {error && <InlineError alert>{error}</InlineError>}
      </form>
    </Dialog>
  );
}

export function LeaveRoomDialog({ id }: { id: string }) {
  const [, go] = useLocation();
  const room = useRoom(id);
  const { busy, error, run } = useAction();
  if (!room) return null;

  const leave = async () => {
    if (!(await run(() => actions.leaveRoom(id)))) return;
    closeOverlay();
    go(homePath);
  };

  return (
    <Dialog
      size="small"
      title={rich("leaveRoom.title", { room: <bdi>{room.name}</bdi> })}
      lead={t(room.private ? "leaveRoom.private" : "leaveRoom.public")}
      onClose={closeOverlay}
      actions={
        <>
          <Button kind="quiet" onClick={closeOverlay}>
            {t("action.cancel")}
          </Button>
          <Button kind="danger" busy={busy} onClick={() => void leave()}>
            {t("leaveRoom.submit")}
          </Button>
        </>
      }
    >
      {error && <InlineError alert>{error}</InlineError>}
    </Dialog>
  );
}

export function ArchiveRoomDialog({ id }: { id: string }) {
  const room = useRoom(id);
  const { busy, error, run } = useAction();
  if (!room) return null;

  const archive = async () => {
    if (await run(() => actions.archiveRoom(id, true))) closeOverlay();
  };

  return (
    <Dialog
      size="small"
      title={rich("archiveRoom.title", { room: <bdi>{room.name}</bdi> })}
      lead={t("archiveRoom.text")}
      onClose={closeOverlay}
      actions={
        <>
          <Button kind="quiet" onClick={closeOverlay}>
            {t("action.cancel")}
          </Button>
          <Button kind="danger" busy={busy} onClick={() => void archive()}>
            {t("archiveRoom.submit")}
          </Button>
        </>
      }
    >
      {error && <InlineError alert>{error}</InlineError>}
    </Dialog>
  );
}
