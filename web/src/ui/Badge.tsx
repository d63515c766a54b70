import { formatNumber, t } from "../i18n/t";
import "./badge.css";

/** How many are unread, at most "99+". */
export function Badge({ count }: { count: number }) {
  if (count <= 0) return null;
  return (
    <span className="badge tabular">
      <span aria-hidden="true">{count > 99 ? t("unread.many") : formatNumber(count)}</span>
      <span className="visually-hidden">{count > 99 ? t("unread.labelMany") : t("unread.label", { count })}</span>
    </span>
  );
}
