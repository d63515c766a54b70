import { ArrowDown } from "lucide-react";
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState, type KeyboardEvent, type ReactNode } from "react";
import { Virtualizer, type VirtualizerHandle } from "virtua";
import { t } from "../../i18n/t";
import { Icon } from "../../ui/Icon";
import { MessageRow, type MessageActs } from "./MessageRow";
import { dividerKeyOf, rowsOf } from "./rows";
import type { ShownMessage } from "./shown-message";
import "./message-list.css";

const bottom_px = 48;
const earlierFrom_px = 1200;

interface MessageListProps extends MessageActs {
  label: string;
  messages: readonly ShownMessage[];
  self: string;
  /** The read marker as it was when the room was opened: the line stays where it is while one reads. */
  readSeqAtOpen: number;
  /** What stands above the first message: the beginning of the room, a spinner or an error. */
  head: ReactNode;
  hasEarlier: boolean;
  editingKey: string | undefined;
  today: number;
  mayEdit: (message: ShownMessage) => boolean;
  mayDelete: (message: ShownMessage) => boolean;
  onEarlier: () => void;
  /** The newest message is on the screen. */
  onSeen: () => void;
}

interface Anchor {
  key: string;
  top: number;
}

/** The first message whose text is on the screen, and where: what the reader's eye is on. */
function anchorOf(scroll: HTMLElement): Anchor | undefined {
  const edge = scroll.getBoundingClientRect().top;
  for (const article of scroll.querySelectorAll<HTMLElement>("article[data-key]")) {
    const text = article.querySelector(".message-text, .message-tombstone");
    const box = text?.getBoundingClientRect();
    const key = article.dataset["key"];
    if (box && key && box.bottom > edge) return { key, top: box.top };
  }
  return undefined;
}

function topOf(scroll: HTMLElement, key: string): number | undefined {
  const article = scroll.querySelector(`article[data-key="${CSS.escape(key)}"]`);
  return article?.querySelector(".message-text, .message-tombstone")?.getBoundingClientRect().top;
}

/**
 * The room's messages, anchored at the bottom. Only what is near the screen is in the document; what the reader looks at
 * stays where it is when earlier messages are put above it.
 */
export function MessageList(props: MessageListProps) {
  const { label, messages, self, readSeqAtOpen, head, hasEarlier, editingKey, today, mayEdit, mayDelete, onEarlier, onSeen } = props;
  const scrollRef = useRef<HTMLDivElement>(null);
  const listRef = useRef<VirtualizerHandle>(null);
  const pinned = useRef(true);
  const anchor = useRef<Anchor | undefined>(undefined);
  const firstKey = useRef<string | undefined>(undefined);
  const [away, setAway] = useState(false);
  const [seenKey, setSeenKey] = useState<string | undefined>(undefined);
  const [activeKey, setActiveKey] = useState<string | undefined>(undefined);

  const dividerKey = useMemo(() => dividerKeyOf(messages, readSeqAtOpen, self), [messages, readSeqAtOpen, self]);
  const rows = useMemo(() => rowsOf(messages, dividerKey), [messages, dividerKey]);
  const lastKey = messages.at(-1)?.key;
  const prepended = firstKey.current !== undefined && messages[0]?.key !== firstKey.current;

  const toEnd = useCallback(() => {
    pinned.current = true;
    const count = listRef.current ? rows.length : 0;
    if (count > 0) listRef.current?.scrollToIndex(count, { align: "end" });
  }, [rows.length]);

  // Before the browser paints: stay at the bottom, or keep the line being read where it was.
  useLayoutEffect(() => {
    const scroll = scrollRef.current;
    if (!scroll) return;
    const wasPrepended = firstKey.current !== undefined && messages[0]?.key !== firstKey.current;
    firstKey.current = messages[0]?.key;
    if (pinned.current) {
      toEnd();
      return;
    }
    const held = anchor.current;
    if (!wasPrepended || !held) return;
    let frames = 4;
    let frame = 0;
    const settle = () => {
      const top = topOf(scroll, held.key);
      if (top !== undefined && Math.abs(top - held.top) > 0.5) scroll.scrollTop += top - held.top;
      frames -= 1;
      if (frames > 0) frame = requestAnimationFrame(settle);
    };
    settle();
    return () => cancelAnimationFrame(frame);
  }, [messages, toEnd]);

  // The list's own size may change (a composer that grows, a phone that is turned): the bottom stays the bottom.
  useEffect(() => {
    const scroll = scrollRef.current;
    const list = scroll?.querySelector(".messages-list");
    if (!scroll || !list) return;
    const observer = new ResizeObserver(() => {
      if (pinned.current) scroll.scrollTop = scroll.scrollHeight;
    });
    observer.observe(scroll);
    observer.observe(list);
    return () => observer.disconnect();
  }, []);

  useEffect(() => {
    if (!away && lastKey !== undefined) {
      setSeenKey(lastKey);
      onSeen();
    }
  }, [away, lastKey, onSeen]);

  const onScroll = () => {
    const scroll = scrollRef.current;
    if (!scroll) return;
    const rest = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight;
    pinned.current = rest < bottom_px;
    anchor.current = anchorOf(scroll);
    setAway(rest > scroll.clientHeight / 2);
    if (rest < bottom_px) setAway(false);
    if (hasEarlier && scroll.scrollTop < earlierFrom_px) onEarlier();
  };

  const news = useMemo(() => {
    if (!away) return 0;
    const from = messages.findIndex((message) => message.key === seenKey);
    return messages.slice(from + 1).filter((message) => message.author.id !== self).length;
  }, [away, messages, seenKey, self]);

  const activeAt = Math.max(0, activeKey === undefined ? rows.length - 1 : rows.findIndex((row) => row.message.key === activeKey));

  const moveTo = (index: number) => {
    const row = rows[index];
    if (!row) return;
    setActiveKey(row.message.key);
    listRef.current?.scrollToIndex(index + 1, { align: "nearest" });
    requestAnimationFrame(() => {
      scrollRef.current?.querySelector<HTMLElement>(`article[data-key="${CSS.escape(row.message.key)}"]`)?.focus({ preventScroll: true });
    });
  };

  const onKeyDown = (event: KeyboardEvent) => {
    if (!(event.target instanceof HTMLElement) || event.target.tagName !== "ARTICLE") return;
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const to: Record<string, number> = { ArrowUp: activeAt - 1, ArrowDown: activeAt + 1, Home: 0, End: rows.length - 1 };
    const next = to[event.key];
    if (next === undefined) return;
    event.preventDefault();
    moveTo(Math.max(0, Math.min(rows.length - 1, next)));
  };

  return (
    <section className="messages" aria-label={label} data-region="messages">
      <div
        className="messages-scroll"
        ref={scrollRef}
        onScroll={onScroll}
        onKeyDown={onKeyDown}
        onFocus={(event) => {
          const key = event.target instanceof HTMLElement ? event.target.closest<HTMLElement>("article")?.dataset["key"] : undefined;
          if (key !== undefined) setActiveKey(key);
        }}
      >
        <div className="messages-room" />
        <div className="messages-list" role="list" aria-label={label}>
          <Virtualizer ref={listRef} scrollRef={scrollRef} shift={prepended} bufferSize={600} keepMounted={rows.length > 0 ? [activeAt + 1] : []}>
            <div className="messages-head" key="head" role="presentation">
              {head}
            </div>
            {rows.map((row, index) => (
              <div role="listitem" key={row.message.key}>
                <MessageRow
                  row={row}
                  today={today}
                  active={index === activeAt}
                  mayEdit={mayEdit(row.message)}
                  mayDelete={mayDelete(row.message)}
                  editing={row.message.key === editingKey}
                  onEdit={props.onEdit}
                  onDelete={props.onDelete}
                  onRetry={props.onRetry}
                  onDiscard={props.onDiscard}
                  onPerson={props.onPerson}
                />
              </div>
            ))}
          </Virtualizer>
        </div>
      </div>
      {away && (
        <button type="button" className={`messages-jump ${news > 0 ? "messages-jump-new" : ""}`} onClick={toEnd}>
          <Icon of={ArrowDown} />
          {news === 0 ? t("messages.jump") : news > 99 ? t("messages.jumpMany") : t("messages.jumpNew", { count: news })}
        </button>
      )}
    </section>
  );
}
