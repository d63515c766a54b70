import { MessagesSquare } from "lucide-react";
import { useCallback, useEffect, useMemo } from "react";
import { useLocation, useRoute } from "wouter";
import { ConnectionBanner } from "../features/connection/ConnectionBanner";
import { Sidebar } from "../features/rooms/Sidebar";
import { sortRooms } from "../features/rooms/sort-rooms";
import { t } from "../i18n/t";
import { openOverlay, useOverlay } from "../lib/overlay";
import { useMedia } from "../lib/use-media";
import { homePath, roomPath } from "../lib/paths";
import { actions, useRooms, useSelf, type MyRoom } from "../store/contract";
import { Button } from "../ui/Button";
import { EmptyState } from "../ui/EmptyState";
import { Announcer } from "./Announcer";
import { useKeyboard } from "./keyboard";
import { Overlays } from "./Overlays";
import { RoomView } from "./RoomView";
import "./main.css";

/** Where there is a pane for it (main.css), one room is always open: the one of the last time, else the first with news. */
function useOpenRoom(sorted: readonly MyRoom[], current: string | undefined, atHome: boolean): void {
  const [, go] = useLocation();
  const hasPane = useMedia("(min-width: 721px)");
  const isJoined = sorted.some((room) => room.id === current);
  useEffect(() => {
    if (current !== undefined && isJoined) actions.noteOpenRoom(current);
  }, [current, isJoined]);
  useEffect(() => {
    if (!hasPane || !atHome) return;
    const last = actions.lastOpenRoom();
    const room = sorted.find((one) => one.id === last) ?? sorted.find((one) => one.unread > 0) ?? sorted[0];
    if (room) go(roomPath(room.id), { replace: true });
  }, [hasPane, atHome, sorted, go]);
}

/** What stands where a room would, as long as there is none. */
function Welcome() {
  const self = useSelf();
  const guest = self?.role === "guest";
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
  useOpenRoom(sorted, current, location === homePath);
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
        {current === undefined && !lost && rooms.length === 0 && <Welcome />}
      </div>
      <Announcer room={current} />
      <Overlays />
    </div>
  );
}
