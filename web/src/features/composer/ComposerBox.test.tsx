import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { useState } from "react";
import { afterEach, describe, expect, test, vi } from "vitest";
import { ComposerBox } from "./ComposerBox";

function setUp(start = "", editing = false) {
  const calls = { onSend: vi.fn(), onCancel: vi.fn(), onEditLast: vi.fn(), onTyping: vi.fn() };
  function Host() {
    const [text, setText] = useState(start);
    return <ComposerBox label="Message" placeholder="" text={text} editing={editing} onText={setText} {...calls} />;
  }
  render(<Host />);
  return { area: screen.getByRole<HTMLTextAreaElement>("textbox"), ...calls };
}

afterEach(() => {
  cleanup();
  vi.useRealTimers();
});

describe("composer", () => {
  test("Enter sends", () => {
    const { area, onSend } = setUp("hello");
    fireEvent.keyDown(area, { key: "Enter" });
    expect(onSend).toHaveBeenCalledWith("hello");
  });

  test("Shift and Enter leaves the new line to the browser", () => {
    const { area, onSend } = setUp("hello");
    expect(fireEvent.keyDown(area, { key: "Enter", shiftKey: true })).toBe(true);
    expect(onSend).not.toHaveBeenCalled();
  });

  test("Enter in an input method's window does not send", () => {
    const { area, onSend } = setUp("に");
    fireEvent.keyDown(area, { key: "Enter", isComposing: true });
    expect(onSend).not.toHaveBeenCalled();
  });

  test("nothing but spaces is not sent", () => {
    const { area, onSend } = setUp("  \n ");
    fireEvent.keyDown(area, { key: "Enter" });
    expect(onSend).not.toHaveBeenCalled();
  });

  test("Up edits the last own message only when the composer is empty", () => {
    const { area, onEditLast } = setUp("");
    fireEvent.keyDown(area, { key: "ArrowUp" });
    expect(onEditLast).toHaveBeenCalledTimes(1);
    fireEvent.change(area, { target: { value: "x" } });
    fireEvent.keyDown(area, { key: "ArrowUp" });
    expect(onEditLast).toHaveBeenCalledTimes(1);
  });

  test("Esc ends editing", () => {
    const { area, onCancel } = setUp("hello", true);
    fireEvent.keyDown(area, { key: "Escape" });
    expect(onCancel).toHaveBeenCalledTimes(1);
  });

  test("4,000 code points are sent, one more is not and says so", () => {
    const { area, onSend } = setUp("😀".repeat(4000));
    expect(screen.getByRole("status").textContent).toBe("0 characters left");
    fireEvent.change(area, { target: { value: "😀".repeat(4001) } });
    expect(screen.getByRole("status").textContent).toBe("1 character too many");
    fireEvent.keyDown(area, { key: "Enter" });
    expect(onSend).not.toHaveBeenCalled();
  });

  test("typing is told at most once every three seconds", () => {
    vi.useFakeTimers({ toFake: ["performance"] });
    const { area, onTyping } = setUp("");
    fireEvent.change(area, { target: { value: "a" } });
    fireEvent.change(area, { target: { value: "ab" } });
    expect(onTyping).toHaveBeenCalledTimes(1);
    vi.advanceTimersByTime(3001);
    fireEvent.change(area, { target: { value: "abc" } });
    expect(onTyping).toHaveBeenCalledTimes(2);
  });
});
