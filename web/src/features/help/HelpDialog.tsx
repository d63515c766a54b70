import { t, type Key } from "../../i18n/t";
import { closeOverlay } from "../../lib/overlay";
import { Dialog } from "../../ui/Dialog";
import "./help.css";

type Plain = "help.rooms" | "help.writing" | "help.moving";
interface Shortcut {
  keys: readonly (readonly string[])[];
  text: Extract<Key, `help.${string}`>;
}

const groups: readonly { title: Plain; shortcuts: readonly Shortcut[] }[] = [
  {
    title: "help.rooms",
    shortcuts: [
      { keys: [["Ctrl", "K"]], text: "help.switch" },
      { keys: [["Alt", "↑"], ["Alt", "↓"]], text: "help.prevNext" },
      { keys: [["Alt", "Shift", "↑"], ["Alt", "Shift", "↓"]], text: "help.unread" },
    ],
  },
  {
    title: "help.writing",
    shortcuts: [
      { keys: [["Enter"]], text: "help.send" },
      { keys: [["Shift", "Enter"]], text: "help.newline" },
      { keys: [["↑"]], text: "help.editLast" },
      { keys: [["Esc"]], text: "help.cancel" },
    ],
  },
  {
    title: "help.moving",
    shortcuts: [
      { keys: [["F6"]], text: "help.regions" },
      { keys: [["↑"], ["↓"]], text: "help.messages" },
      { keys: [["Home"], ["End"]], text: "help.ends" },
      { keys: [["?"], ["Ctrl", "/"]], text: "help.this" },
    ],
  },
];

function Keys({ keys }: { keys: readonly (readonly string[])[] }) {
  return (
    <dd className="help-keys">
      {keys.map((chord) => (
        <span key={chord.join("+")} className="help-chord">
          {chord.map((key) => (
            <kbd key={key}>{key}</kbd>
          ))}
        </span>
      ))}
    </dd>
  );
}

export function HelpDialog() {
  return (
    <Dialog title={t("help.title")} onClose={closeOverlay}>
      {groups.map((group) => (
        <section key={group.title} className="help-group">
          <h3 className="section-title">{t(group.title)}</h3>
          <dl>
            {group.shortcuts.map((shortcut) => (
              <div key={shortcut.text} className="help-row">
                <dt>{t(shortcut.text)}</dt>
                <Keys keys={shortcut.keys} />
              </div>
            ))}
          </dl>
        </section>
      ))}
    </Dialog>
  );
}
