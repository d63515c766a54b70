import { useEffect, useId, useRef, useState, type KeyboardEvent, type ReactElement, type ReactNode, cloneElement } from "react";
import type { LucideIcon } from "lucide-react";
import { Check } from "lucide-react";
import { Icon } from "./Icon";
import "./menu.css";

interface TriggerProps {
  id?: string;
  "aria-haspopup"?: "menu";
  "aria-expanded"?: boolean;
  "aria-controls"?: string;
  onClick?: () => void;
}

interface MenuProps {
  label: string;
  trigger: ReactElement<TriggerProps>;
  align?: "start" | "end";
  children: ReactNode;
}

const gap_px = 4;
const margin_px = 8;

/** Puts the menu below its trigger, or above where there is no room, inside the window. */
function place(menu: HTMLElement, anchor: DOMRect, align: "start" | "end"): void {
  const rtl = document.documentElement.dir === "rtl";
  const atLeft = (align === "start") !== rtl;
  const wanted = atLeft ? anchor.left : anchor.right - menu.offsetWidth;
  const left = Math.max(margin_px, Math.min(wanted, innerWidth - menu.offsetWidth - margin_px));
  const below = anchor.bottom + gap_px + menu.offsetHeight <= innerHeight - margin_px;
  const top = below ? anchor.bottom + gap_px : Math.max(margin_px, anchor.top - gap_px - menu.offsetHeight);
  menu.style.left = `${left}px`;
  menu.style.top = `${top}px`;
  menu.dataset.side = below ? "below" : "above";
}

function items(menu: HTMLElement): HTMLElement[] {
  return [...menu.querySelectorAll<HTMLElement>("[role^=menuitem]:not(:disabled)")];
}

/** A menu of commands in a native popover: closes itself on Esc or a press elsewhere; arrows, Home and End move in it. */
export function Menu({ label, trigger, align = "end", children }: MenuProps) {
  const id = useId();
  const triggerId = `${id}-trigger`;
  const ref = useRef<HTMLDivElement>(null);
  const [open, setOpen] = useState(false);

  useEffect(() => {
    const menu = ref.current;
    if (!menu) return;
    const onToggle = (event: Event) => {
      const opened = (event as ToggleEvent).newState === "open";
      setOpen(opened);
      if (opened) items(menu)[0]?.focus();
      else if (menu.contains(document.activeElement)) document.getElementById(triggerId)?.focus();
    };
    menu.addEventListener("toggle", onToggle);
    return () => menu.removeEventListener("toggle", onToggle);
  }, [triggerId]);

  const show = () => {
    const menu = ref.current;
    const anchor = document.getElementById(triggerId)?.getBoundingClientRect();
    if (!menu || !anchor) return;
    menu.togglePopover();
    if (menu.matches(":popover-open")) place(menu, anchor, align);
  };

  const close = () => {
    ref.current?.hidePopover();
    document.getElementById(triggerId)?.focus();
  };

  const onKeyDown = (event: KeyboardEvent) => {
    const menu = ref.current;
    if (!menu) return;
    const all = items(menu);
    const at = all.indexOf(document.activeElement as HTMLElement);
    const to: Record<string, number> = {
      ArrowDown: (at + 1) % all.length,
      ArrowUp: (at - 1 + all.length) % all.length,
      Home: 0,
      End: all.length - 1,
    };
    const next = to[event.key];
    if (next !== undefined) {
      event.preventDefault();
      all[next]?.focus();
    } else if (event.key === "Tab") {
      close();
    }
  };

  return (
    <>
      {cloneElement(trigger, {
        id: triggerId,
        "aria-haspopup": "menu",
        "aria-expanded": open,
        "aria-controls": id,
        onClick: show,
      })}
      <div
        ref={ref}
        id={id}
        tabIndex={-1}
        popover="auto"
        role="menu"
        aria-label={label}
        className="menu"
        onKeyDown={onKeyDown}
        onClick={(event) => {
          if ((event.target as HTMLElement).closest("[role^=menuitem]")) close();
        }}
      >
        {children}
      </div>
    </>
  );
}

interface MenuItemProps {
  icon?: LucideIcon;
  danger?: boolean;
  /** Given: the item is one of a choice, and this says whether it is the chosen one. */
  chosen?: boolean;
  keys?: string;
  disabled?: boolean;
  onSelect: () => void;
  children: ReactNode;
}

export function MenuItem({ icon, danger = false, chosen, keys, disabled, onSelect, children }: MenuItemProps) {
  return (
    <button
      type="button"
      role={chosen === undefined ? "menuitem" : "menuitemradio"}
      aria-checked={chosen}
      tabIndex={-1}
      disabled={disabled}
      className={`menu-item ${danger ? "menu-item-danger" : ""}`}
      onClick={onSelect}
    >
      {icon && <Icon of={icon} />}
      <span className="menu-item-text">{children}</span>
      {chosen && <Icon of={Check} />}
      {keys && <kbd className="menu-item-keys">{keys}</kbd>}
    </button>
  );
}

export function MenuLine() {
  return <div className="menu-line" role="separator" />;
}
