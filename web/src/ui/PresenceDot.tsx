import { t } from "../i18n/t";
import "./presence-dot.css";

/** Here is a full disc, away an empty ring: a shape as well as a colour. */
export function PresenceDot({ online, quiet = false }: { online: boolean; quiet?: boolean }) {
  const label = t(online ? "presence.online" : "presence.offline");
  return (
    <span className={`presence-dot ${online ? "presence-online" : "presence-offline"}`}>
      {!quiet && <span className="visually-hidden">{label}</span>}
    </span>
  );
}
