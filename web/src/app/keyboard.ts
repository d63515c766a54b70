import { useEffect } from "react";
import { openOverlay } from "../lib/overlay";

const regions = ["sidebar", "header", "messages", "composer", "members"] as const;
const focusable = 'article[tabindex="0"], textarea, a[aria-current="page"], a[href], button:not(:disabled), input:not(:disabled)';

function regionElements(): HTMLElement[] {
  return regions
    .map((name) => document.querySelector<HTMLElement>(`[data-region="${name}"]`))
    .filter((element): element is HTMLElement => element !== null && element.checkVisibility());
}

/** Into a region: where one would want to be in it. */
function enter(region: HTMLElement): void {
  const best = region.querySelector<HTMLElement>('article[tabindex="0"], textarea, a[aria-current="page"]');
  const any = [...region.querySelectorAll<HTMLElement>(focusable)].find((element) => element.checkVisibility());
  (best ?? any)?.focus();
}

function moveRegion(by: 1 | -1): void {
  const all = regionElements();
  const at = all.findIndex((region) => region.contains(document.activeElement));
  const next = all[(at + by + all.length) % all.length];
  if (next) enter(next);
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

interface RoomMoves {
  /** To the room above (-1) or below (1); with `unread`, the next one where something is unread. */
  onRoom: (by: 1 | -1, unread: boolean) => void;
}

/** The keys that work everywhere; a dialog keeps them to itself. */
export function useKeyboard({ onRoom }: RoomMoves): void {
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.isComposing || document.querySelector("dialog[open]")) return;
      const command = event.ctrlKey || event.metaKey;
      if (event.key === "F6") moveRegion(event.shiftKey ? -1 : 1);
      else if (command && event.key.toLowerCase() === "k") openOverlay({ name: "switcher" });
      else if ((command && event.key === "/") || (event.key === "?" && !isTyping(event.target))) openOverlay({ name: "help" });
      else if (event.altKey && !command && event.key === "ArrowUp") onRoom(-1, event.shiftKey);
      else if (event.altKey && !command && event.key === "ArrowDown") onRoom(1, event.shiftKey);
      else return;
      event.preventDefault();
    };
    addEventListener("keydown", onKeyDown);
    return () => removeEventListener("keydown", onKeyDown);
  }, [onRoom]);
}
