import { ArrowDown, ArrowUp, Compass, KeyRound, Keyboard, LogOut, MonitorCog, Moon, Plus, Search, Sun, UserPlus, UserRound, Volume2 } from "lucide-react";
import { memo, useMemo, useRef } from "react";
import { Link } from "wouter";
import { t } from "../../i18n/t";
import { openOverlay, setAnnouncing, useOverlay } from "../../lib/overlay";
import { roomPath } from "../../lib/paths";
import { setTheme, useTheme, type Theme } from "../../lib/theme";
import { actions, useOnline, useRooms, useSelf, type MyRoom } from "../../store/contract";
import { Badge } from "../../ui/Badge";
import { Icon } from "../../ui/Icon";
import { IconButton } from "../../ui/IconButton";
import { Mark } from "../../ui/Mark";
import { Menu, MenuItem, MenuLine } from "../../ui/Menu";
import { PersonAvatar } from "../../ui/Person";
import { RoomMark } from "./RoomMark";
import { sortRooms } from "./sort-rooms";
import { useHiddenNews } from "./use-hidden-news";
import "./sidebar.css";

const themes: readonly { theme: Theme; icon: typeof Sun }[] = [
  { theme: "system", icon: MonitorCog },
  { theme: "light", icon: Sun },
  { theme: "dark", icon: Moon },
];

const RoomLink = memo(function RoomLink({ room, current }: { room: MyRoom; current: boolean }) {
  const unread = room.unread > 0 && !current;
  return (
    <li>
      <Link
        href={roomPath(room.id)}
        className={`room-link ${unread ? "room-unread" : ""}`}
        aria-current={current ? "page" : undefined}
        data-room={room.id}
      >
        <RoomMark isPrivate={room.private} archived={room.archived} />
        <bdi className="truncate room-link-name">{room.name}</bdi>
        {unread && <Badge count={room.unread} />}
      </Link>
    </li>
  );
});

function AccountMenu() {
  const self = useSelf();
  const theme = useTheme();
  const announcing = useOverlay((state) => state.announcing);
  const online = useOnline(self?.id ?? "");
  if (!self) return null;
  const name = self.display_name || self.name;
  return (
    <Menu
      label={t("sidebar.menu")}
      align="start"
      trigger={
        <button type="button" className="account">
          <PersonAvatar id={self.id} name={name} online={online} size={28} />
          <span className="account-words">
            <bdi className="truncate account-name">{name}</bdi>
            {self.status && <bdi className="truncate account-status">{self.status}</bdi>}
          </span>
        </button>
      }
    >
      <MenuItem icon={UserRound} onSelect={() => openOverlay({ name: "profile" })}>
        {t("menu.profile")}
      </MenuItem>
      <MenuItem icon={KeyRound} onSelect={() => openOverlay({ name: "password" })}>
        {t("menu.password")}
      </MenuItem>
      <MenuLine />
      {themes.map((choice) => (
        <MenuItem key={choice.theme} icon={choice.icon} chosen={theme === choice.theme} onSelect={() => setTheme(choice.theme)}>
          {t(`menu.theme.${choice.theme}`)}
        </MenuItem>
      ))}
      <MenuLine />
      <MenuItem icon={Volume2} chosen={announcing} onSelect={() => setAnnouncing(!announcing)}>
        {t("menu.announce")}
      </MenuItem>
      <MenuItem icon={Keyboard} keys="?" onSelect={() => openOverlay({ name: "help" })}>
        {t("menu.help")}
      </MenuItem>
      <MenuLine />
      <MenuItem icon={LogOut} onSelect={() => void actions.signOut()}>
        {t("menu.signOut")}
      </MenuItem>
    </Menu>
  );
}

/** The rooms, and on its edges what is unread beyond them. */
function RoomList({ rooms, current, empty }: { rooms: readonly MyRoom[]; current: string | undefined; empty: string | undefined }) {
  const scroll = useRef<HTMLDivElement>(null);
  const { above, below, look } = useHiddenNews(scroll, rooms, current);
  const show = (room: HTMLElement | undefined) => room?.scrollIntoView({ block: "center" });
  return (
    <div className="sidebar-list">
      <div className="sidebar-scroll" ref={scroll} onScroll={look}>
        {rooms.length === 0 && <p className="sidebar-none">{t("sidebar.none")}</p>}
        {empty !== undefined && <p className="sidebar-none sidebar-none-why">{empty}</p>}
        <ul className="sidebar-rooms">
          {rooms.map((room) => (
            <RoomLink key={room.id} room={room} current={room.id === current} />
          ))}
        </ul>
      </div>
      {above && (
        <button type="button" className="sidebar-news sidebar-news-above" onClick={() => show(above)}>
          <Icon of={ArrowUp} />
          {t("sidebar.newsAbove")}
        </button>
      )}
      {below && (
        <button type="button" className="sidebar-news sidebar-news-below" onClick={() => show(below)}>
          <Icon of={ArrowDown} />
          {t("sidebar.newsBelow")}
        </button>
      )}
    </div>
  );
}

/** The way from room to room. What is unread is the first thing seen. */
export function Sidebar({ current, workspace }: { current: string | undefined; workspace: string }) {
  const self = useSelf();
  const rooms = useRooms();
  const sorted = useMemo(() => sortRooms(rooms), [rooms]);
  const guest = self?.role === "guest";
  const mayInvite = self?.role === "owner" || self?.role === "admin";
  return (
    <nav className="sidebar" aria-label={t("sidebar.label")} data-region="sidebar">
      <header className="sidebar-head">
        <Mark size={22} />
        <p className="sidebar-name truncate">
          <bdi>{workspace}</bdi>
        </p>
        <span className="tooltip-end">
          <IconButton icon={Search} label={t("sidebar.switch")} keys="Ctrl K" onClick={() => openOverlay({ name: "switcher" })} />
        </span>
      </header>
      <div className="sidebar-section">
        <h2 className="sidebar-title">{t("sidebar.rooms")}</h2>
        {!guest && (
          <span className="tooltip-end">
            <IconButton small icon={Plus} label={t("sidebar.newRoom")} onClick={() => openOverlay({ name: "new-room" })} />
          </span>
        )}
      </div>
      <RoomList rooms={sorted} current={current} empty={sorted.length === 0 && guest ? t("welcome.guest") : undefined} />
      {!guest && (
        <ul className="sidebar-more">
          <li>
            <button type="button" className="room-link" onClick={() => openOverlay({ name: "browse" })}>
              <Icon of={Compass} />
              <span className="room-link-name">{t("sidebar.browse")}</span>
            </button>
          </li>
          {mayInvite && (
            <li>
              <button type="button" className="room-link" onClick={() => openOverlay({ name: "invites" })}>
                <Icon of={UserPlus} />
                <span className="room-link-name">{t("sidebar.invite")}</span>
              </button>
            </li>
          )}
        </ul>
      )}
      <footer className="sidebar-foot">
        <AccountMenu />
      </footer>
    </nav>
  );
}
