import type { ReactNode } from "react";
import { rich, t } from "../../i18n/t";
import { useTyping } from "../../store/contract";

function words(names: readonly string[]): ReactNode {
  const [a, b, c] = names.map((name) => <bdi key={name}>{name}</bdi>);
  if (names.length === 0) return null;
  if (names.length === 1) return rich("typing.one", { a });
  if (names.length === 2) return rich("typing.two", { a, b });
  if (names.length === 3) return rich("typing.three", { a, b, c });
  return t("typing.many");
}

/** Who is typing, at most three by name. Its place is always kept, so nothing moves when it fills. */
export function TypingLine({ room }: { room: string }) {
  const typing = useTyping(room);
  return (
    <div className="typing-line truncate">
      {typing.length > 0 && <span className="truncate">{words(typing.map((person) => person.display_name || person.name))}</span>}
    </div>
  );
}
