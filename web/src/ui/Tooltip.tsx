import type { ReactNode } from "react";
import "./tooltip.css";

/** Names an icon button when it is pointed at or focused. It repeats the button's label, so it is hidden from readers. */
export function Tooltip({ text, keys, children }: { text: string; keys?: string | undefined; children: ReactNode }) {
  return (
    <span className="tooltip-anchor">
      {children}
      <span className="tooltip" aria-hidden="true">
        {text}
        {keys && <kbd className="tooltip-keys">{keys}</kbd>}
      </span>
    </span>
  );
}
