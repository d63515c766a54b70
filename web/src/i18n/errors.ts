import { en } from "./en";
import { t, type Key } from "./t";

function codeOf(failure: unknown): string | undefined {
  if (typeof failure !== "object" || failure === null || !("code" in failure)) return undefined;
  return typeof failure.code === "string" ? failure.code : undefined;
}

function isKey(key: string): key is Key {
  return key in en;
}

/** What a failed action says to people: what went wrong and what to do next, by the error's stable code. */
export function errorText(failure: unknown): string {
  if (!navigator.onLine) return t("error.offline");
  const code = codeOf(failure);
  const key = `error.${code ?? "unknown"}`;
  if (isKey(key)) return t(key as "error.unknown");
  return t("error.unknown");
}

export function isErrorCode(failure: unknown, code: string): boolean {
  return codeOf(failure) === code;
}
