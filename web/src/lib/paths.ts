export const homePath = "/";

export function roomPath(room: string): string {
  return `/rooms/${encodeURIComponent(room)}`;
}
