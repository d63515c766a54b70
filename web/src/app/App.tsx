import { CloudOff } from "lucide-react";
import { lazy, Suspense } from "react";
import { useLocation } from "wouter";
import { t } from "../i18n/t";
import { homePath } from "../lib/paths";
import { usePhase } from "../store/contract";
import { Button } from "../ui/Button";
import { EmptyState } from "../ui/EmptyState";
import { Mark } from "../ui/Mark";
import { Boundary } from "./Boundary";
import { Main } from "./Main";

const SignIn = lazy(async () => ({ default: (await import("../features/auth/SignIn")).SignIn }));
const OwnerPage = lazy(async () => ({ default: (await import("../features/auth/OwnerPage")).OwnerPage }));
const InvitePage = lazy(async () => ({ default: (await import("../features/auth/InvitePage")).InvitePage }));

/** Reads the link's secret once and takes it out of the address bar and the history. */
function takeSecret(): string {
  const secret = decodeURIComponent(location.hash.slice(1));
  if (secret !== "") history.replaceState(history.state, "", location.pathname);
  return secret;
}

/* Taken when the page is loaded, before anything is drawn. */
const secret = takeSecret();

function Splash() {
  return (
    <div className="splash" role="status" aria-label={t("loading")}>
      <Mark size={40} />
    </div>
  );
}

function Crash() {
  return (
    <main className="splash">
      <EmptyState page icon={CloudOff} title={t("crash.title")} action={<Button kind="primary" onClick={() => location.reload()}>{t("crash.reload")}</Button>}>
        {t("crash.text")}
      </EmptyState>
    </main>
  );
}

function Page() {
  const [path, go] = useLocation();
  const phase = usePhase();
  const home = () => go(homePath, { replace: true });
  if (path === "/owner") return <OwnerPage secret={secret} onDone={home} />;
  if (path === "/invite") return <InvitePage secret={secret} onDone={home} />;
  if (phase === "starting") return <Splash />;
  if (phase === "signed-out") return <SignIn />;
  if (phase === "unreachable") {
    return (
      <main className="splash">
        <EmptyState page icon={CloudOff} title={t("load.failed.title")}>
          {t("load.failed.text")}
        </EmptyState>
      </main>
    );
  }
  return <Main />;
}

export function App() {
  return (
    <Boundary fallback={<Crash />}>
      <Suspense fallback={<Splash />}>
        <Page />
      </Suspense>
    </Boundary>
  );
}
