import { CircleAlert, Clock, Pencil, RotateCw, Trash2 } from "lucide-react";
import { memo } from "react";
import { formatDay, formatFull, formatTime, t } from "../../i18n/t";
import { isEmojiOnly } from "../../lib/text";
import { Avatar } from "../../ui/Avatar";
import { Icon } from "../../ui/Icon";
import { IconButton } from "../../ui/IconButton";
import { LinkedText } from "../../ui/LinkedText";
import type { Row } from "./rows";
import type { ShownMessage } from "./shown-message";
import "./message-row.css";

export interface MessageActs {
  onEdit: (message: ShownMessage) => void;
  onDelete: (message: ShownMessage) => void;
  onRetry: (message: ShownMessage) => void;
  onDiscard: (message: ShownMessage) => void;
  onPerson: (user: string) => void;
}

interface MessageRowProps extends MessageActs {
  row: Row<ShownMessage>;
  today: number;
  active: boolean;
  mayEdit: boolean;
  mayDelete: boolean;
  editing: boolean;
}

export function DayLine({ day, today }: { day: Date; today: number }) {
  return (
    <div className="day-line">
      <span>{formatDay(day, new Date(today))}</span>
    </div>
  );
}

function NewLine() {
  return (
    <div className="new-line">
      <span>{t("messages.new")}</span>
    </div>
  );
}

function Body({ message }: { message: ShownMessage }) {
  if (message.deleted_at) {
    return (
      <p className="message-tombstone">
        <Icon of={Trash2} />
        {t("message.deleted")}
      </p>
    );
  }
  return (
    <div className={`message-text ${isEmojiOnly(message.text) ? "message-emoji" : ""}`} dir="auto">
      <LinkedText text={message.text} />
      {message.edited_at && (
        <span className="message-edited" title={t("message.editedAt", { time: formatFull(new Date(message.edited_at)) })}>
          {" "}
          ({t("message.edited")})
        </span>
      )}
    </div>
  );
}

function Outcome({ message, onRetry, onDiscard }: Pick<MessageRowProps, "onRetry" | "onDiscard"> & { message: ShownMessage }) {
  if (message.state === "pending" && message.late) {
    return (
      <p className="message-outcome">
        <Icon of={Clock} />
        {t("message.waiting")}
      </p>
    );
  }
  if (message.state !== "failed") return null;
  return (
    <p className="message-outcome message-failed">
      <Icon of={CircleAlert} />
      <span>{message.reason ? t("message.failedBecause", { reason: message.reason }) : t("message.failed")}</span>
      <button type="button" className="message-outcome-act" onClick={() => onRetry(message)}>
        <Icon of={RotateCw} />
        {t("message.retry")}
      </button>
      <button type="button" className="message-outcome-act" onClick={() => onDiscard(message)}>
        {t("message.discard")}
      </button>
    </p>
  );
}

/** One message with what stands above and below it. What can be done with it shows when it is pointed at or focused. */
export const MessageRow = memo(function MessageRow(props: MessageRowProps) {
  const { row, today, active, mayEdit, mayDelete, editing, onEdit, onDelete, onPerson } = props;
  const { message, first, dayAfter, divider } = row;
  const at = new Date(message.created_at);
  const name = message.author.display_name || message.author.name;
  return (
    <>
      {divider && <NewLine />}
      <article
        className={`message ${first ? "message-first" : ""} ${message.state === "pending" ? "message-pending" : ""} ${editing ? "message-being-edited" : ""}`}
        tabIndex={active ? 0 : -1}
        data-key={message.key}
        aria-label={t("message.article", { name, time: formatTime(at) })}
      >
        {first ? (
          <button type="button" className="message-face" tabIndex={-1} aria-hidden="true" onClick={() => onPerson(message.author.id)}>
            <Avatar id={message.author.id} name={name} />
          </button>
        ) : (
          <time className="message-aside tabular" dateTime={message.created_at} aria-hidden="true">
            {formatTime(at)}
          </time>
        )}
        <div className="message-main">
          {first && (
            <header className="message-head">
              <button type="button" className="message-author" tabIndex={-1} onClick={() => onPerson(message.author.id)}>
                <bdi>{name}</bdi>
              </button>
              <time className="message-time tabular" dateTime={message.created_at} title={formatFull(at)}>
                {formatTime(at)}
              </time>
            </header>
          )}
          <Body message={message} />
          <Outcome message={message} onRetry={props.onRetry} onDiscard={props.onDiscard} />
        </div>
        {(mayEdit || mayDelete) && (
          <div className="message-acts" role="group" aria-label={t("message.actions")}>
            {mayEdit && <IconButton small icon={Pencil} label={t("message.edit")} tabIndex={active ? 0 : -1} onClick={() => onEdit(message)} />}
            {mayDelete && <IconButton small icon={Trash2} label={t("message.delete")} tabIndex={active ? 0 : -1} onClick={() => onDelete(message)} />}
          </div>
        )}
      </article>
      {dayAfter && <DayLine day={dayAfter} today={today} />}
    </>
  );
});
