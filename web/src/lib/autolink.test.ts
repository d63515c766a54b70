import { describe, expect, test } from "vitest";
import { linkParts, safeHref } from "./autolink";

function links(text: string): string[] {
  return linkParts(text).flatMap((part) => (part.kind === "link" ? [part.text] : []));
}

describe("autolink", () => {
  test("links http, https and mailto", () => {
    expect(links("see https://a.example/x?y=1#z, http://b.example and mailto:ann@c.example.")).toEqual([
      "https://a.example/x?y=1#z",
      "http://b.example",
      "mailto:ann@c.example",
    ]);
  });

  test("leaves every other scheme as text", () => {
    expect(links("javascript:alert(1) data:text/html,x ftp://a.example vbscript:x file:///etc/passwd")).toEqual([]);
    expect(safeHref("javascript:alert(1)")).toBeUndefined();
  });

  test("leaves the full stop and the bracket to the sentence, and keeps those of the address", () => {
    expect(links("(https://a.example/b). https://a.example/c_(d)!")).toEqual(["https://a.example/b", "https://a.example/c_(d)"]);
  });

  test("loses no character of the text", () => {
    const text = "a https://x.example, b\n<https://y.example> http:// c";
    expect(linkParts(text).map((part) => part.text).join("")).toBe(text);
  });
});
