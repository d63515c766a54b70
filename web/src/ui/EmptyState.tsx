import type { LucideIcon } from "lucide-react";
import type { ReactNode } from "react";
import { Icon } from "./Icon";
import "./empty-state.css";

interface EmptyStateProps {
  icon: LucideIcon;
  title: ReactNode;
  children?: ReactNode;
  action?: ReactNode;
  /** It is all that the page shows: its title is the page's. */
  page?: boolean;
}

/** Where there is nothing: what could be here, and the press that brings it. */
export function EmptyState({ icon, title, children, action, page = false }: EmptyStateProps) {
  const Title = page ? "h1" : "h2";
  return (
    <div className="empty-state">
      <span className="empty-state-icon">
        <Icon of={icon} size={20} />
      </span>
      <Title className="empty-state-title">{title}</Title>
      {children && <p className="empty-state-text">{children}</p>}
      {action && <div className="empty-state-action">{action}</div>}
    </div>
  );
}
