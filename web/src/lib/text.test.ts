import { describe, expect, test } from "vitest";
import { codePoints, isEmojiOnly } from "./text";
import { initialsOf } from "./person";

describe("text", () => {
  test("counts code points, not units", () => {
    expect(codePoints("aé😀")).toBe(3);
  });

  test("knows a message of emoji alone", () => {
    expect(isEmojiOnly("👍")).toBe(true);
    expect(isEmojiOnly("👨‍👩‍👧 🇫🇷")).toBe(true);
    expect(isEmojiOnly("👍 ok")).toBe(false);
    expect(isEmojiOnly("12")).toBe(false);
    expect(isEmojiOnly("  ")).toBe(false);
  });

  test("makes initials of whole characters", () => {
    expect(initialsOf("ann marie lee")).toBe("AL");
    expect(initialsOf("élodie")).toBe("É");
    expect(initialsOf("田中 太郎")).toBe("田太");
    expect(initialsOf("…")).toBe("?");
  });
});
