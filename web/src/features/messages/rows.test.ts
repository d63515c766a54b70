import { describe, expect, test } from "vitest";
import { dividerKeyOf, rowsOf, type Placed } from "./rows";

const none: ReadonlySet<string> = new Set();

function message(seq: number, author: string, at: string, more: Partial<Placed> = {}): Placed {
  return { key: `k${seq}`, seq, author: { id: author }, created_at: at, ...more };
}

describe("rows", () => {
  test("messages of one author within five minutes make one group", () => {
    const rows = rowsOf(
      [message(1, "ann", "2026-03-02T10:00:00"), message(2, "ann", "2026-03-02T10:04:59"), message(3, "ann", "2026-03-02T10:10:00")],
      undefined,
      none,
    );
    expect(rows.map((row) => row.first)).toEqual([true, false, true]);
  });

  test("another author begins a group", () => {
    const rows = rowsOf([message(1, "ann", "2026-03-02T10:00:00"), message(2, "bob", "2026-03-02T10:00:01")], undefined, none);
    expect(rows.map((row) => row.first)).toEqual([true, true]);
  });

  test("a new day has its date below the day before and begins a group", () => {
    const rows = rowsOf([message(1, "ann", "2026-03-02T23:59:00"), message(2, "ann", "2026-03-03T00:00:30")], undefined, none);
    expect(rows.map((row) => row.dayAfter?.getDate())).toEqual([3, undefined]);
    expect(rows[1]?.first).toBe(true);
  });

  test("a page's first message keeps its head when the page before it comes", () => {
    const messages = [message(1, "ann", "2026-03-02T10:00:00"), message(2, "ann", "2026-03-02T10:00:10")];
    expect(rowsOf(messages, undefined, new Set(["k2"])).map((row) => row.first)).toEqual([true, true]);
  });

  test("the divider waits for the page in which the first unread message may be", () => {
    expect(dividerKeyOf([message(8, "bob", "2026-03-02T10:00:00")], 3, "me", true)).toBeUndefined();
    expect(dividerKeyOf([message(7, "me", "2026-03-02T09:00:00"), message(8, "bob", "2026-03-02T10:00:00")], 3, "me", true)).toBeUndefined();
    expect(dividerKeyOf([message(3, "me", "2026-03-02T09:00:00"), message(8, "bob", "2026-03-02T10:00:00")], 3, "me", true)).toBe("k8");
  });

  test("a tombstone stands alone", () => {
    const rows = rowsOf(
      [
        message(1, "ann", "2026-03-02T10:00:00"),
        message(2, "ann", "2026-03-02T10:00:10", { deleted_at: "2026-03-02T10:01:00" }),
        message(3, "ann", "2026-03-02T10:00:20"),
      ],
      undefined,
      none,
    );
    expect(rows.map((row) => row.first)).toEqual([true, true, true]);
  });

  test("the divider stands above the first message of somebody else after the marker", () => {
    const messages = [message(1, "bob", "2026-03-02T10:00:00"), message(2, "me", "2026-03-02T10:00:01"), message(3, "bob", "2026-03-02T10:00:02")];
    expect(dividerKeyOf(messages, 1, "me", false)).toBe("k3");
    expect(dividerKeyOf(messages, 3, "me", false)).toBeUndefined();
    expect(rowsOf(messages, "k3", none).map((row) => row.divider)).toEqual([false, false, true]);
  });
});
