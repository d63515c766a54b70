import { Archive, ArchiveRestore, ArrowLeft, EllipsisVertical, Link2, LogOut, Pencil, UserPlus, Users } from "lucide-react";
import { Link } from "wouter";
import { t } from "../../i18n/t";
import { openOverlay, showMembers, useOverlay } from "../../lib/overlay";
import { homePath } from "../../lib/paths";
import { actions, useSelf, type MyRoom } from "../../store/contract";
import { Icon } from "../../ui/Icon";
import { IconButton } from "../../ui/IconButton";
import { Menu, MenuItem, MenuLine } from "../../ui/Menu";
import { mayManage } from "../../lib/may";
import { RoomMark } from "./RoomMark";
import "./room-header.css";

function RoomMenu({ room }: { room: MyRoom }) {
  const self = useSelf();
  const manage = self !== undefined && mayManage(self, room);
  const invite = self?.role === "owner" || self?.role === "admin";
  if (!room.joined && !manage) return null;
  return (
    <Menu label={t("header.menu")} trigger={<IconButton icon={EllipsisVertical} label={t("header.menu")} tip={false} />}>
      {manage && !room.archived && (
        <MenuItem icon={Pencil} onSelect={() => openOverlay({ name: "edit-room", room: room.id })}>
          {t("roomMenu.rename")}
        </MenuItem>
      )}
      {manage && room.joined && !room.archived && (
        <MenuItem icon={UserPlus} onSelect={() => openOverlay({ name: "add-people", room: room.id })}>
          {t("roomMenu.add")}
        </MenuItem>
      )}
      {invite && !room.archived && (
        <MenuItem icon={Link2} onSelect={() => openOverlay({ name: "invites", room: room.id })}>
          {t("roomMenu.invite")}
        </MenuItem>
      )}
      {manage && <MenuLine />}
      {manage && room.archived && (
        <MenuItem icon={ArchiveRestore} onSelect={() => void actions.archiveRoom(room.id, false)}>
          {t("roomMenu.unarchive")}
        </MenuItem>
      )}
      {manage && !room.archived && (
        <MenuItem icon={Archive} onSelect={() => openOverlay({ name: "archive-room", room: room.id })}>
          {t("roomMenu.archive")}
        </MenuItem>
      )}
      {room.joined && (
        <MenuItem icon={LogOut} danger onSelect={() => openOverlay({ name: "leave-room", room: room.id })}>
          {t("roomMenu.leave")}
        </MenuItem>
      )}
    </Menu>
  );
}

/** Where one is: the room's name, what it is about, who is in it, and what can be done with it. */
export function RoomHeader({ room, online }: { room: MyRoom; online: number | undefined }) {
  const shown = useOverlay((state) => state.membersShown);
  const members = t("header.members", { count: room.members });
  return (
    <header className="room-header" aria-label={t("header.label")} data-region="header">
      <Link href={homePath} className="icon-button room-header-back" aria-label={t("sidebar.toRooms")}>
        <Icon of={ArrowLeft} size={20} />
      </Link>
      <div className="room-header-words">
        <h1 className="room-header-name">
          <RoomMark isPrivate={room.private} archived={room.archived} />
          <bdi className="truncate">{room.name}</bdi>
        </h1>
        {room.topic && (
          <p className="room-header-topic truncate" title={room.topic}>
            <bdi>{room.topic}</bdi>
          </p>
        )}
      </div>
      <div className="room-header-acts tooltip-end">
        <button
          type="button"
          className="room-header-members"
          aria-pressed={shown}
          onClick={() => showMembers(!shown)}
        >
          <Icon of={Users} />
          <span className="tabular room-header-count">{members}</span>
          {online !== undefined && online > 0 && (
            <span className="room-header-online tabular">
              <span className="presence-dot presence-online" />
              {t("header.online", { count: online })}
            </span>
          )}
        </button>
        <RoomMenu room={room} />
      </div>
    </header>
  );
}
