import { create } from "zustand";

/** Which dialog is open. Features open each other's dialogs by name through this, and so need not know one another. */
export type Overlay =
  | { name: "profile" }
  | { name: "password" }
  | { name: "person"; user: string }
  | { name: "new-room" }
  | { name: "browse" }
  | { name: "switcher" }
  | { name: "edit-room"; room: string }
  | { name: "leave-room"; room: string }
  | { name: "archive-room"; room: string }
  | { name: "add-people"; room: string }
  | { name: "remove-member"; room: string; user: string; display: string }
  | { name: "delete-message"; room: string; message: string }
  | { name: "invites"; room?: string }
  | { name: "help" };

interface OverlayState {
  overlay: Overlay | undefined;
  membersShown: boolean;
  announcing: boolean;
}

const announcingKey = "parley.announce";

export const useOverlay = create<OverlayState>(() => ({
  overlay: undefined,
  membersShown: false,
  announcing: localStorage.getItem(announcingKey) !== "off",
}));

export function openOverlay(overlay: Overlay): void {
  useOverlay.setState({ overlay });
}

export function closeOverlay(): void {
  useOverlay.setState({ overlay: undefined });
}

export function showMembers(membersShown: boolean): void {
  useOverlay.setState({ membersShown });
}

export function setAnnouncing(announcing: boolean): void {
  localStorage.setItem(announcingKey, announcing ? "on" : "off");
  useOverlay.setState({ announcing });
}
