import { CloudOff, RefreshCw } from "lucide-react";
import { t } from "../../i18n/t";
import { useNow } from "../../lib/use-now";
import { actions, useConnection } from "../../store/contract";
import { Icon } from "../../ui/Icon";
import "./connection.css";

/** Says that the line is down, when it is tried again, and lets one try now. Nothing while all is well. */
export function ConnectionBanner() {
  const connection = useConnection();
  const now = useNow(500);
  if (connection.state === "open") return null;
  const offline = connection.state === "offline";
  const rest_s = connection.state === "waiting" ? Math.max(0, Math.ceil((connection.retryAt - now) / 1000)) : 0;
  const words = offline
    ? t("connection.offline")
    : connection.state === "waiting" && rest_s > 0
      ? t("connection.waiting", { count: rest_s })
      : t("connection.connecting");
  return (
    <section className="connection" aria-label={t("connection.label")}>
      <Icon of={offline ? CloudOff : RefreshCw} />
      <span className="connection-words tabular">{words}</span>
      {connection.state === "waiting" && rest_s > 0 && (
        <button type="button" className="connection-now" onClick={() => actions.reconnectNow()}>
          {t("connection.now")}
        </button>
      )}
    </section>
  );
}
