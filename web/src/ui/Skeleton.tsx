import "./skeleton.css";

/** The outline of lines that are being fetched; still under reduced motion. */
export function Skeleton({ rows = 6 }: { rows?: number }) {
  return (
    <div className="skeleton" aria-hidden="true">
      {Array.from({ length: rows }, (_, row) => (
        <div className="skeleton-row" key={row}>
          <span className="skeleton-disc" />
          <span className="skeleton-lines">
            <span className={`skeleton-line skeleton-line-${row % 3}`} />
            <span className={`skeleton-line skeleton-line-${(row + 1) % 4}`} />
          </span>
        </div>
      ))}
    </div>
  );
}
