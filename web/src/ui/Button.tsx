import type { ButtonHTMLAttributes, ReactNode, Ref } from "react";
import "./button.css";

export type ButtonKind = "primary" | "plain" | "quiet" | "danger";

interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  kind?: ButtonKind;
  /** Shows that the press is being worked on; a second press does nothing meanwhile. */
  busy?: boolean;
  wide?: boolean;
  children: ReactNode;
  ref?: Ref<HTMLButtonElement>;
}

/** A button with words: a verb, in sentence case. */
export function Button({ kind = "plain", busy = false, wide = false, className = "", children, ...rest }: ButtonProps) {
  return (
    <button
      type="button"
      {...rest}
      className={`button button-${kind} ${wide ? "button-wide" : ""} ${className}`}
      aria-busy={busy || undefined}
      disabled={rest.disabled || busy}
    >
      {children}
      {busy && <span className="button-spinner" aria-hidden="true" />}
    </button>
  );
}
