import { Avatar } from "./Avatar";
import { PresenceDot } from "./PresenceDot";

interface PersonAvatarProps {
  id: string;
  name: string;
  online: boolean;
  size?: 24 | 28 | 36;
}

/** An avatar with presence on its corner. */
export function PersonAvatar({ id, name, online, size = 28 }: PersonAvatarProps) {
  return (
    <span className="with-presence">
      <Avatar id={id} name={name} size={size} />
      <PresenceDot online={online} />
    </span>
  );
}
