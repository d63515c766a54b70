import { Fragment, createElement, type ReactNode } from "react";
import { en, type Plural } from "./en";

/* Every text that people read comes from the table. A key's placeholders are part of its type. */

type Table = typeof en;
export type Key = keyof Table;
type Holes<S> = S extends `${string}{${infer Name}}${infer Rest}` ? Name | Holes<Rest> : never;
type Texts<K extends Key> = Table[K] extends string ? Table[K] : Table[K] extends Plural ? Table[K]["other"] : never;
type Params<K extends Key, V> = Record<Holes<Texts<K>>, V>;
type Rest<K extends Key, V> = [Holes<Texts<K>>] extends [never] ? [] : [params: Params<K, V>];

const locale = "en";
/* Dates in the reader's own English where it is one: 14:05 or 2:05 pm, 3 March or March 3. */
const dates = navigator.language.startsWith("en") ? navigator.language : "en-GB";
const plurals = new Intl.PluralRules(locale);
const numbers = new Intl.NumberFormat(locale);

function template(key: Key, params: Record<string, unknown>): string {
  const entry: string | Plural = en[key];
  if (typeof entry === "string") return entry;
  const count = Number(params["count"] ?? 0);
  return (plurals.select(count) === "one" ? entry.one : entry.other) ?? entry.other;
}

function shown(value: unknown): string {
  return typeof value === "number" ? numbers.format(value) : String(value ?? "");
}

/** The text of a key, with its placeholders filled. */
export function t<K extends Key>(key: K, ...rest: Rest<K, string | number>): string {
  const params: Record<string, unknown> = rest[0] ?? {};
  return template(key, params).replace(/\{(\w+)\}/g, (_, name: string) => shown(params[name]));
}

/** The same with elements in the placeholders: names stand in their own <bdi>. */
export function rich<K extends Key>(key: K, ...rest: Rest<K, ReactNode>): ReactNode {
  const params: Record<string, unknown> = rest[0] ?? {};
  const parts = template(key, params).split(/\{(\w+)\}/g);
  return parts.map((part, at) => {
    const value = at % 2 === 0 ? part : params[part];
    const node = typeof value === "number" ? numbers.format(value) : (value as ReactNode);
    return createElement(Fragment, { key: at }, node);
  });
}

export function formatNumber(value: number): string {
  return numbers.format(value);
}

const time = new Intl.DateTimeFormat(dates, { hour: "2-digit", minute: "2-digit" });
const full = new Intl.DateTimeFormat(dates, { dateStyle: "full", timeStyle: "short" });
const dayMonth = new Intl.DateTimeFormat(dates, { weekday: "long", day: "numeric", month: "long" });
const dayYear = new Intl.DateTimeFormat(dates, { day: "numeric", month: "long", year: "numeric" });
const short = new Intl.DateTimeFormat(dates, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
const relative = new Intl.RelativeTimeFormat(locale, { numeric: "auto" });
const lists = new Intl.ListFormat(locale, { type: "conjunction" });

export function formatTime(at: Date): string {
  return time.format(at);
}

export function formatFull(at: Date): string {
  return full.format(at);
}

export function formatShort(at: Date): string {
  return short.format(at);
}

export function formatDate(at: Date): string {
  return dayYear.format(at);
}

export function formatList(names: readonly string[]): string {
  return lists.format(names);
}

const day_ms = 86_400_000;

function dayNumber(at: Date): number {
  return Math.floor(Date.UTC(at.getFullYear(), at.getMonth(), at.getDate()) / day_ms);
}

/** "Today", "Yesterday", "Monday, 3 March", "3 March 2024". */
export function formatDay(at: Date, now: Date): string {
  const days = dayNumber(at) - dayNumber(now);
  if (days === 0 || days === -1) {
    const word = relative.format(days, "day");
    return word.charAt(0).toLocaleUpperCase(locale) + word.slice(1);
  }
  return at.getFullYear() === now.getFullYear() ? dayMonth.format(at) : dayYear.format(at);
}

/** "in 3 days", "in 5 hours": how long until then. */
export function formatUntil(at: Date, now: Date): string {
  const minutes = Math.round((at.getTime() - now.getTime()) / 60_000);
  if (Math.abs(minutes) < 60) return relative.format(minutes, "minute");
  const hours = Math.round(minutes / 60);
  if (Math.abs(hours) < 48) return relative.format(hours, "hour");
  return relative.format(Math.round(hours / 24), "day");
}
