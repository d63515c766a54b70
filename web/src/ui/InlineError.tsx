import { CircleAlert } from "lucide-react";
import type { ReactNode } from "react";
import { Icon } from "./Icon";
import "./inline-error.css";

interface InlineErrorProps {
  id?: string;
  /** Speaks up when it appears: for the result of a press, not for a field's own fault. */
  alert?: boolean;
  action?: ReactNode;
  children: ReactNode;
}

/** What went wrong and what to do next, where it went wrong; never colour alone. */
export function InlineError({ id, alert = false, action, children }: InlineErrorProps) {
  return (
    <p id={id} className={`inline-error ${alert ? "inline-error-box" : ""}`} role={alert ? "alert" : undefined}>
      <Icon of={CircleAlert} />
      <span>{children}</span>
      {action}
    </p>
  );
}
