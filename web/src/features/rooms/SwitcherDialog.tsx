import { useMemo, useState, type KeyboardEvent } from "react";
import { useLocation } from "wouter";
import { t } from "../../i18n/t";
import { closeOverlay } from "../../lib/overlay";
import { roomPath } from "../../lib/paths";
import { folded } from "../../lib/text";
import { useRooms, type MyRoom } from "../../store/contract";
import { Badge } from "../../ui/Badge";
import { Dialog } from "../../ui/Dialog";
import { RoomMark } from "./RoomMark";
import { sortRooms } from "./sort-rooms";
import "../../ui/field.css";
import "./switcher.css";

const shown_rooms = 50;

/** Those that begin with the words first, then those that hold them; unread before read when nothing is typed. */
function matches(rooms: readonly MyRoom[], query: string): MyRoom[] {
  const wanted = folded(query.trim());
  const sorted = sortRooms(rooms);
  if (wanted === "") return [...sorted].sort((a, b) => Number(b.unread > 0) - Number(a.unread > 0)).slice(0, shown_rooms);
  const at = (room: MyRoom) => folded(room.name).indexOf(wanted);
  return sorted
    .filter((room) => at(room) >= 0)
    .sort((a, b) => Number(at(a) > 0) - Number(at(b) > 0))
    .slice(0, shown_rooms);
}

/** Ctrl+K: a room by some letters of its name. */
export function SwitcherDialog() {
  const [, go] = useLocation();
  const rooms = useRooms();
  const [query, setQuery] = useState("");
  const [chosen, setChosen] = useState(0);
  const found = useMemo(() => matches(rooms, query), [rooms, query]);

  const open = (room: MyRoom | undefined) => {
    if (!room) return;
    closeOverlay();
    go(roomPath(room.id));
  };

  const move = (to: number) => {
    const next = Math.max(0, Math.min(found.length - 1, to));
    setChosen(next);
    document.getElementById(`switcher-${next}`)?.scrollIntoView({ block: "nearest" });
  };

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.nativeEvent.isComposing) return;
    if (event.key === "ArrowDown") move(chosen + 1);
    else if (event.key === "ArrowUp") move(chosen - 1);
    else if (event.key === "Enter") open(found[chosen]);
    else return;
    event.preventDefault();
  };

  return (
    <Dialog title={t("switcher.title")} onClose={closeOverlay}>
      <input
        className="field-input"
        role="combobox"
        aria-label={t("switcher.find")}
        aria-expanded="true"
        aria-controls="switcher-list"
        aria-activedescendant={found.length > 0 ? `switcher-${chosen}` : undefined}
        aria-autocomplete="list"
        placeholder={t("switcher.find")}
        autoComplete="off"
        spellCheck={false}
        data-autofocus
        value={query}
        onChange={(event) => {
          setQuery(event.target.value);
          setChosen(0);
        }}
        onKeyDown={onKeyDown}
      />
      <div className="switcher-list" id="switcher-list" role="listbox" aria-label={t("sidebar.rooms")}>
        {found.map((room, index) => (
          // The combobox keeps the focus and hears the keys; an option is only pressed with a pointer.
          // eslint-disable-next-line jsx-a11y/click-events-have-key-events, jsx-a11y/interactive-supports-focus
          <div
            key={room.id}
            id={`switcher-${index}`}
            role="option"
            aria-selected={index === chosen}
            className="switcher-option"
            onClick={() => open(room)}
            onPointerMove={() => setChosen(index)}
          >
            <RoomMark isPrivate={room.private} archived={room.archived} />
            <bdi className="truncate switcher-name">{room.name}</bdi>
            <Badge count={room.unread} />
          </div>
        ))}
      </div>
      {found.length === 0 && (
        <p className="quiet switcher-none" role="status">
          {t("switcher.none")}
        </p>
      )}
    </Dialog>
  );
}
