import { useCallback, useEffect, useLayoutEffect, useState, type RefObject } from "react";

/** An unread room counts as hidden when less than this of it is seen. */
const seen_px = 12;

interface HiddenNews {
  /** The nearest unread room out of sight. */
  above: HTMLElement | undefined;
  below: HTMLElement | undefined;
}

const nothing: HiddenNews = { above: undefined, below: undefined };

function findHidden(scroll: HTMLElement): HiddenNews {
  const window = scroll.getBoundingClientRect();
  const unread = [...scroll.querySelectorAll<HTMLElement>(".room-unread")];
  return {
    above: unread.findLast((room) => room.getBoundingClientRect().bottom < window.top + seen_px),
    below: unread.find((room) => room.getBoundingClientRect().top > window.bottom - seen_px),
  };
}

/** Which unread rooms a list hides above and below its window; `look` is to be called when it is scrolled. */
export function useHiddenNews(scroll: RefObject<HTMLElement | null>, rooms: readonly unknown[], current: string | undefined) {
  const [hidden, setHidden] = useState(nothing);
  const look = useCallback(() => {
    const found = scroll.current ? findHidden(scroll.current) : nothing;
    setHidden((before) => (before.above === found.above && before.below === found.below ? before : found));
  }, [scroll]);

  useLayoutEffect(look, [look, rooms, current]);
  useEffect(() => {
    if (!scroll.current) return;
    const observer = new ResizeObserver(look);
    observer.observe(scroll.current);
    return () => observer.disconnect();
  }, [look, scroll]);
  return { ...hidden, look };
}
