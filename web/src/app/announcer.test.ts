import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createAnnouncer } from "./announcer";

const words = {
  one: (name: string, text: string) => `${name}: ${text}`,
  many: (count: number, names: readonly string[]) => `${count} from ${names.join(", ")}`,
};

describe("announcer", () => {
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => vi.useRealTimers());

  test("says one message with its author", () => {
    const said: string[] = [];
    const announcer = createAnnouncer((text) => said.push(text), words);
    announcer.hear({ name: "Ann", text: "hello" });
    expect(said).toEqual([]);
    vi.runAllTimers();
    expect(said).toEqual(["Ann: hello"]);
  });

  test("says a burst once, by number and authors", () => {
    const said: string[] = [];
    const announcer = createAnnouncer((text) => said.push(text), words);
    for (let at = 0; at < 12; at += 1) announcer.hear({ name: at % 2 ? "Ann" : "Bob", text: `${at}` });
    vi.runAllTimers();
    expect(said).toEqual(["12 from Bob, Ann"]);
  });

  test("says nothing after it was stopped", () => {
    const said: string[] = [];
    const announcer = createAnnouncer((text) => said.push(text), words);
    announcer.hear({ name: "Ann", text: "hello" });
    announcer.stop();
    vi.runAllTimers();
    expect(said).toEqual([]);
  });
});
