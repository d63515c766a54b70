import { hueOf, initialsOf } from "../lib/person";
import "./avatar.css";

interface AvatarProps {
  id: string;
  name: string;
  size?: 20 | 24 | 28 | 36 | 64;
}

/** A person without a picture: initials on a hue made from the id. The name stands beside it, so readers skip it. */
export function Avatar({ id, name, size = 36 }: AvatarProps) {
  return (
    <span className={`avatar avatar-${size}`} style={{ "--hue": hueOf(id) } as React.CSSProperties} aria-hidden="true">
      {initialsOf(name)}
    </span>
  );
}
