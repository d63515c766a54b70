import type { ButtonHTMLAttributes, Ref } from "react";
import type { LucideIcon } from "lucide-react";
import { Icon } from "./Icon";
import { Tooltip } from "./Tooltip";
import "./button.css";

interface IconButtonProps extends Omit<ButtonHTMLAttributes<HTMLButtonElement>, "aria-label"> {
  icon: LucideIcon;
  /** What it does: read aloud, and shown when pointed at or focused. */
  label: string;
  keys?: string;
  small?: boolean;
  tip?: boolean;
  ref?: Ref<HTMLButtonElement>;
}

/** A button with an icon alone. */
export function IconButton({ icon, label, keys, small = false, tip = true, className = "", ...rest }: IconButtonProps) {
  const button = (
    <button
      type="button"
      {...rest}
      aria-label={label}
      className={`icon-button ${small ? "icon-button-small" : ""} ${className}`}
    >
      <Icon of={icon} size={small ? 16 : 20} />
    </button>
  );
  return tip ? (
    <Tooltip text={label} keys={keys}>
      {button}
    </Tooltip>
  ) : (
    button
  );
}
