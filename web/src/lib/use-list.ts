import { useCallback, useEffect, useState } from "react";

export interface Page<T> {
  items: readonly T[];
  next_cursor: string | null;
}

type Status = "loading" | "ready" | "failed";

/** A list that is fetched page by page; `load` must be stable while the list is the same one. */
export function useList<T>(load: (after: string | undefined) => Promise<Page<T>>) {
  const [items, setItems] = useState<readonly T[]>([]);
  const [cursor, setCursor] = useState<string | null>(null);
  const [status, setStatus] = useState<Status>("loading");
  const [attempt, setAttempt] = useState(0);

  useEffect(() => {
    let current = true;
    setStatus("loading");
    load(undefined).then(
      (page) => {
        if (!current) return;
        setItems(page.items);
        setCursor(page.next_cursor);
        setStatus("ready");
      },
      () => {
        if (current) setStatus("failed");
      },
    );
    return () => {
      current = false;
    };
  }, [load, attempt]);

  const more = useCallback(async () => {
    if (cursor === null) return;
    try {
      const page = await load(cursor);
      setItems((before) => [...before, ...page.items]);
      setCursor(page.next_cursor);
    } catch {
      setStatus("failed");
    }
  }, [cursor, load]);

  const retry = useCallback(() => setAttempt((before) => before + 1), []);
  return { items, setItems, status, hasMore: cursor !== null, more, retry };
}
