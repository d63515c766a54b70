const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

/** By name, the archived ones last: a room stays where the hand knows it. */
export function sortRooms<R extends { id: string; name: string; archived: boolean }>(rooms: readonly R[]): R[] {
  return [...rooms].sort(
    (a, b) => Number(a.archived) - Number(b.archived) || collator.compare(a.name, b.name) || (a.id < b.id ? -1 : 1),
  );
}
