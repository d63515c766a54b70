import { ArrowUp, Check, X } from "lucide-react";
import { useEffect, useLayoutEffect, useRef, type KeyboardEvent } from "react";
import { t } from "../../i18n/t";
import { codePoints } from "../../lib/text";
import { IconButton } from "../../ui/IconButton";
import "./composer.css";

export const messageMax_points = 4000;
const warnFrom_points = 200;
const typingEvery_ms = 3000;
const maxHeight_px = 240;

interface ComposerBoxProps {
  label: string;
  placeholder: string;
  text: string;
  /** An own message is being edited: Enter saves, Esc leaves it as it was. */
  editing: boolean;
  onText: (text: string) => void;
  onSend: (text: string) => void;
  onCancel: () => void;
  /** Up in an empty composer. */
  onEditLast: () => void;
  /** Somebody types here: told at most once every 3 s. */
  onTyping: () => void;
}

/** Grows with its text up to a limit, then scrolls. */
function useAutosize(text: string) {
  const ref = useRef<HTMLTextAreaElement>(null);
  useLayoutEffect(() => {
    const area = ref.current;
    if (!area) return;
    area.style.blockSize = "auto";
    area.style.blockSize = `${Math.min(area.scrollHeight, maxHeight_px)}px`;
    area.style.overflowY = area.scrollHeight > maxHeight_px ? "auto" : "hidden";
  }, [text]);
  return ref;
}

/** Where one writes: knows keys and lengths, and nothing of rooms. */
export function ComposerBox(props: ComposerBoxProps) {
  const { label, placeholder, text, editing, onText, onSend, onCancel, onEditLast, onTyping } = props;
  const ref = useAutosize(text);
  const toldTyping = useRef(-Infinity);
  const left = messageMax_points - codePoints(text);
  const sendable = text.trim() !== "" && left >= 0;

  useEffect(() => {
    const area = ref.current;
    if (!editing || !area) return;
    area.focus();
    area.setSelectionRange(area.value.length, area.value.length);
  }, [editing, ref]);

  const send = () => {
    if (!sendable) return;
    toldTyping.current = -Infinity;
    onSend(text);
    ref.current?.focus();
  };

  const write = (next: string) => {
    onText(next);
    const now = performance.now();
    if (editing || next.trim() === "" || now - toldTyping.current < typingEvery_ms) return;
    toldTyping.current = now;
    onTyping();
  };

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.nativeEvent.isComposing) return;
    if (event.key === "Enter" && !event.shiftKey && !event.altKey) {
      event.preventDefault();
      send();
    } else if (event.key === "ArrowUp" && text === "" && !event.altKey && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      onEditLast();
    } else if (event.key === "Escape" && editing) {
      event.preventDefault();
      onCancel();
    }
  };

  return (
    <div className={`composer ${editing ? "composer-editing" : ""}`}>
      {editing && (
        <div className="composer-note">
          <span>{t("composer.editing")}</span>
          <span className="composer-keys quiet">{t("composer.saveKeys")}</span>
        </div>
      )}
      <div className="composer-row">
        <textarea
          ref={ref}
          className="composer-area"
          rows={1}
          value={text}
          aria-label={label}
          aria-invalid={left < 0 || undefined}
          placeholder={placeholder}
          autoComplete="off"
          enterKeyHint="send"
          dir="auto"
          onChange={(event) => write(event.target.value)}
          onKeyDown={onKeyDown}
        />
        <div className="composer-buttons">
          {editing && <IconButton icon={X} label={t("action.cancel")} tip={false} onClick={onCancel} />}
          <button
            type="button"
            className="composer-send"
            aria-label={t(editing ? "composer.save" : "composer.send")}
            aria-disabled={!sendable}
            onClick={send}
          >
            {editing ? <Check size={20} strokeWidth={1.75} aria-hidden="true" /> : <ArrowUp size={20} strokeWidth={1.75} aria-hidden="true" />}
          </button>
        </div>
      </div>
      {left <= warnFrom_points && (
        <p className={`composer-count tabular ${left < 0 ? "composer-over" : ""}`} role="status">
          {left < 0 ? t("composer.over", { count: -left }) : t("composer.left", { count: left })}
        </p>
      )}
    </div>
  );
}
