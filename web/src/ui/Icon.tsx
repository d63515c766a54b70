import type { LucideIcon } from "lucide-react";

/** An icon of the one set, at its two sizes. It says nothing to a screen reader: the control that holds it does. */
export function Icon({ of: Shape, size = 16 }: { of: LucideIcon; size?: 16 | 20 }) {
  return <Shape size={size} strokeWidth={1.5} aria-hidden="true" focusable="false" />;
}
