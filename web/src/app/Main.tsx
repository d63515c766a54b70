import { MessagesSquare } from "lucide-react";
import { useCallback, useMemo } from "react";
import { useLocation, useRoute } from "wouter";
import { ConnectionBanner } from "../features/connection/ConnectionBanner";
import { Sidebar } from "../features/rooms/Sidebar";
import { sortRooms } from "../features/rooms/sort-rooms";
import { t } from "../i18n/t";
import { openOverlay, useOverlay } from "../lib/overlay";
import { homePath, roomPath } from "../lib/paths";
import { useRooms, useSelf } from "../store/contract";
import { Button } from "../ui/Button";
import { EmptyState } from "../ui/EmptyState";
import { Announcer } from "./Announcer";
import { useKeyboard } from "./keyboard";
import { Overlays } from "./Overlays";
import { RoomView } from "./RoomView";
import "./main.css";

function Welcome({ rooms }: { rooms: number }) {
  const self = useSelf();
  const guest = self?.role === "guest";
  if (rooms > 0) {
    return (
      <main className="pane">
        <EmptyState page icon={MessagesSquare} title={t("welcome.title")}>
          {t("welcome.text")}
        </EmptyState>
      </main>
    );
  }
  return (
    <main className="pane">
      <EmptyState page
        icon={MessagesSquare}
        title={t("welcome.none.title")}
        action={
          !guest && (
            <>
              <Button kind="primary" onClick={() => openOverlay({ name: "browse" })}>
                {t("sidebar.browse")}
              </Button>
              <Button onClick={() => openOverlay({ name: "new-room" })}>{t("sidebar.newRoom")}</Button>
            </>
          )
        }
      >
        {t(guest ? "welcome.guest" : "welcome.none.text")}
      </EmptyState>
    </main>
  );
}

/** The house when one is signed in: rooms at the side, one of them open. On a phone one of the two is seen. */
export function Main() {
  const [location, go] = useLocation();
  const [, params] = useRoute("/rooms/:room");
  const rooms = useRooms();
  const membersShown = useOverlay((state) => state.membersShown);
  const current = params?.room === undefined ? undefined : decodeURIComponent(params.room);
  const sorted = useMemo(() => sortRooms(rooms), [rooms]);

  const onRoom = useCallback(
    (by: 1 | -1, unread: boolean) => {
      const at = sorted.findIndex((room) => room.id === current);
      const order = sorted.map((_, step) => sorted[(at + by * (step + 1) + sorted.length * 2) % sorted.length]);
      const next = order.find((room) => room && room.id !== current && (!unread || room.unread > 0));
      if (next) go(roomPath(next.id));
    },
    [current, go, sorted],
  );
  useKeyboard({ onRoom });

  const lost = current === undefined && location !== homePath;
  const view = current !== undefined || lost ? "room" : "rooms";
  return (
    <div className={`house house-${view} ${membersShown && current !== undefined ? "house-members" : ""}`}>
      <ConnectionBanner />
      <div className="house-panes">
        <Sidebar current={current} workspace={t("app.name")} />
        {current !== undefined && <RoomView key={current} id={current} />}
        {lost && (
          <main className="pane">
            <EmptyState page icon={MessagesSquare} title={t("notFound.page.title")} action={<Button kind="primary" onClick={() => go(homePath)}>{t("notFound.go")}</Button>}>
              {t("notFound.page.text")}
            </EmptyState>
          </main>
        )}
        {current === undefined && !lost && <Welcome rooms={rooms.length} />}
      </div>
      <Announcer room={current} />
      <Overlays />
    </div>
  );
}
