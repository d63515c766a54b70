import { ArrowDown } from "lucide-react";
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState, type KeyboardEvent, type ReactNode } from "react";
import { Virtualizer, type VirtualizerHandle } from "virtua";
import { t } from "../../i18n/t";
import { Icon } from "../../ui/Icon";
import { DayLine, MessageRow, type MessageActs } from "./MessageRow";
import { dividerKeyOf, rowsOf } from "./rows";
import type { ShownMessage } from "./shown-message";
import "./message-list.css";

const bottom_px = 48;
const earlierFrom_px = 1200;
/* The head and the first day's date, above the list: message-list.css. */
const above_px = 116;

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

/**
 * The room's messages, anchored at the bottom. Only what is near the screen is in the document; what the reader looks at
 * stays where it is when earlier messages are put above it.
 */
export function MessageList(props: MessageListProps) {
  const { label, messages, self, readSeqAtOpen, head, hasEarlier, editingKey, today, mayEdit, mayDelete, onEarlier, onSeen } = props;
  const scrollRef = useRef<HTMLDivElement>(null);
  const listRef = useRef<VirtualizerHandle>(null);
  const pinned = useRef(true);
  const [away, setAway] = useState(false);
  const [seenKey, setSeenKey] = useState<string | undefined>(undefined);
  const [activeKey, setActiveKey] = useState<string | undefined>(undefined);

  const dividerKey = useMemo(() => dividerKeyOf(messages, readSeqAtOpen, self, hasEarlier), [messages, readSeqAtOpen, self, hasEarlier]);
  const [pages, setPages] = useState<{ first: string | undefined; starts: ReadonlySet<string>; shift: boolean }>({ first: undefined, starts: new Set(), shift: false });
  const first = messages[0]?.key;
  if (first !== undefined && first !== pages.first) {
    const grown = pages.first !== undefined && messages.some((message) => message.key === pages.first);
    setPages({ first, starts: new Set([...pages.starts, first]), shift: grown });
  }
  const rows = useMemo(() => rowsOf(messages, dividerKey, pages.starts), [messages, dividerKey, pages.starts]);
  const firstAt = messages[0]?.created_at;
  const lastKey = messages.at(-1)?.key;

  const toEnd = useCallback(() => {
    pinned.current = true;
    const count = listRef.current ? rows.length : 0;
    if (count > 0) listRef.current?.scrollToIndex(count - 1, { align: "end" });
  }, [rows.length]);

  // What comes next may be put below again. The scroll event keeps the list from taking the end of an earlier scrolling, which
  // it tells by a timer, for the end of this shift: until the new rows are measured, it must hold on to what is below them.
  useLayoutEffect(() => {
    if (!pages.shift) return;
    scrollRef.current?.dispatchEvent(new Event("scroll"));
    setPages((before) => ({ ...before, shift: false }));
  }, [pages.shift]);

  // Before the browser paints: stay at the bottom.
  useLayoutEffect(() => {
    if (pinned.current) toEnd();
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
    listRef.current?.scrollToIndex(index, { align: "nearest" });
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
      {/* Keys and focus of the articles inside are heard here, once. */}
      {/* eslint-disable-next-line jsx-a11y/no-static-element-interactions */}
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
          {/* Not rows of the list: what is put in front of the first message comes below these. */}
          <div className="messages-above" role="presentation">
            <div className="messages-head">{head}</div>
            {firstAt !== undefined && <DayLine day={new Date(firstAt)} today={today} />}
          </div>
          <Virtualizer ref={listRef} scrollRef={scrollRef} startMargin={above_px} shift={pages.shift} bufferSize={600} keepMounted={rows.length > 0 ? [activeAt] : []}>
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
