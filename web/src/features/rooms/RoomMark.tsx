import { Archive, Hash, Lock } from "lucide-react";
import { t } from "../../i18n/t";
import { Icon } from "../../ui/Icon";

/** What kind of room: everybody's, only for those added, or put away. */
export function RoomMark({ isPrivate, archived, size = 16 }: { isPrivate: boolean; archived: boolean; size?: 16 | 20 }) {
  const label = archived ? t("room.archived") : t(isPrivate ? "room.private" : "room.public");
  return (
    <span className="room-mark">
      <Icon of={archived ? Archive : isPrivate ? Lock : Hash} size={size} />
      {(archived || isPrivate) && <span className="visually-hidden">{label}</span>}
    </span>
  );
}
