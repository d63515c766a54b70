import { X } from "lucide-react";
import { useEffect, useId, useRef, type MouseEvent, type ReactNode } from "react";
import { t } from "../i18n/t";
import { IconButton } from "./IconButton";
import "./dialog.css";

interface DialogProps {
  title: ReactNode;
  /** Said under the title, if it needs a sentence. */
  lead?: ReactNode;
  onClose: () => void;
  /** The row of buttons at the end. */
  actions?: ReactNode;
  size?: "small" | "medium" | "large";
  children?: ReactNode;
}

/**
 * A modal dialog: the browser's own, so focus stays in it, Esc closes it, and focus returns to what opened it.
 * It begins at the control marked data-autofocus, if there is one.
 */
export function Dialog({ title, lead, onClose, actions, size = "medium", children }: DialogProps) {
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId();

  useEffect(() => {
    const dialog = ref.current;
    const opener = document.activeElement;
    if (dialog && !dialog.open) dialog.showModal();
    dialog?.querySelector<HTMLElement>("[data-autofocus]")?.focus();
    return () => {
      dialog?.close();
      if (opener instanceof HTMLElement && opener.isConnected) opener.focus({ preventScroll: true });
    };
  }, []);

  const closeOnBackdrop = (event: MouseEvent) => {
    if (event.target === ref.current) onClose();
  };

  return (
    // A press on the ground beside the dialog closes it; Esc and the button do so for the keyboard.
    // eslint-disable-next-line jsx-a11y/no-noninteractive-element-interactions
    <dialog
      ref={ref}
      className={`dialog dialog-${size}`}
      aria-labelledby={`${id}-title`}
      onMouseDown={closeOnBackdrop}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
    >
      <div className="dialog-frame">
        <header className="dialog-head tooltip-end">
          <h2 id={`${id}-title`} className="dialog-title">
            {title}
          </h2>
          <IconButton icon={X} label={t("action.close")} tip={false} onClick={onClose} />
        </header>
        {lead && <p className="dialog-lead">{lead}</p>}
        <div className="dialog-body">{children}</div>
        {actions && <footer className="dialog-actions">{actions}</footer>}
      </div>
    </dialog>
  );
}
