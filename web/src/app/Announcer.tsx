import { useEffect, useState } from "react";
import { formatList, t } from "../i18n/t";
import { useOverlay } from "../lib/overlay";
import { onNewMessage, useSelf } from "../store/contract";
import { createAnnouncer } from "./announcer";

const words = {
  one: (name: string, text: string) => t("announce.one", { name, text }),
  many: (count: number, names: readonly string[]) => t("announce.many", { count, names: formatList(names) }),
};

/** Tells a screen reader of new messages in the open room: small, polite, apart from the list, and it can be switched off. */
export function Announcer({ room }: { room: string | undefined }) {
  const announcing = useOverlay((state) => state.announcing);
  const self = useSelf()?.id;
  const [sentence, setSentence] = useState("");

  useEffect(() => {
    if (!announcing || room === undefined) return;
    const announcer = createAnnouncer(setSentence, words);
    const forget = onNewMessage((message) => {
      if (message.room !== room || message.author.id === self) return;
      announcer.hear({ name: message.author.display_name || message.author.name, text: message.text });
    });
    return () => {
      forget();
      announcer.stop();
    };
  }, [announcing, room, self]);

  return (
    <div className="visually-hidden" role="log" aria-live="polite" aria-relevant="additions text">
      {sentence}
    </div>
  );
}
