import type { ReactNode } from "react";
import { t } from "../../i18n/t";
import { Mark } from "../../ui/Mark";
import "./auth.css";

/** The frame of the pages that one sees before one is signed in. */
export function AuthPage({ title, lead, children, foot }: { title: string; lead?: ReactNode; children?: ReactNode; foot?: ReactNode }) {
  return (
    <main className="auth">
      <div className="auth-sheet">
        <div className="auth-mark">
          <Mark />
          <span>{t("app.name")}</span>
        </div>
        <h1 className="auth-title">{title}</h1>
        {lead && <p className="auth-lead">{lead}</p>}
        {children}
        {foot && <p className="auth-foot">{foot}</p>}
      </div>
    </main>
  );
}
