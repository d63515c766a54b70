import type { ReactNode } from "react";
import { Link } from "wouter";
import { t } from "../../i18n/t";
import { Mark } from "../../ui/Mark";
import "../../ui/button.css";
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

/** The way on from a page that has nothing to fill in. */
export function GoSignIn() {
  return (
    <div className="auth-actions">
      <Link href="/" className="button button-primary">
        {t("owner.goSignIn")}
      </Link>
    </div>
  );
}
