/** Parley's mark: two speech strokes that meet. */
export function Mark({ size = 24 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 24 24" fill="none" aria-hidden="true" focusable="false">
      <path
        d="M4 5.5A1.5 1.5 0 0 1 5.5 4h9A1.5 1.5 0 0 1 16 5.5v6a1.5 1.5 0 0 1-1.5 1.5H9l-3.4 2.8A1 1 0 0 1 4 15V5.5Z"
        fill="var(--accent)"
      />
      <path
        d="M18.4 8.4h.1A1.5 1.5 0 0 1 20 9.9v9.2a1 1 0 0 1-1.64.77L15 17H9.9a1.5 1.5 0 0 1-1.45-1.1"
        stroke="var(--text)"
        strokeWidth="1.6"
        strokeLinecap="round"
        strokeLinejoin="round"
      />
    </svg>
  );
}
