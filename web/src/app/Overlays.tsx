import { lazy, Suspense } from "react";
import { closeOverlay, useOverlay, type Overlay } from "../lib/overlay";
import { Boundary } from "./Boundary";

/* Every dialog is fetched when it is first opened. */
const NewRoomDialog = lazy(async () => ({ default: (await import("../features/rooms/RoomForms")).NewRoomDialog }));
const EditRoomDialog = lazy(async () => ({ default: (await import("../features/rooms/RoomForms")).EditRoomDialog }));
const LeaveRoomDialog = lazy(async () => ({ default: (await import("../features/rooms/RoomForms")).LeaveRoomDialog }));
const ArchiveRoomDialog = lazy(async () => ({ default: (await import("../features/rooms/RoomForms")).ArchiveRoomDialog }));
const BrowseDialog = lazy(async () => ({ default: (await import("../features/rooms/BrowseDialog")).BrowseDialog }));
const SwitcherDialog = lazy(async () => ({ default: (await import("../features/rooms/SwitcherDialog")).SwitcherDialog }));
const PersonDialog = lazy(async () => ({ default: (await import("../features/members/PersonDialog")).PersonDialog }));
const AddPeopleDialog = lazy(async () => ({ default: (await import("../features/members/AddPeopleDialog")).AddPeopleDialog }));
const RemoveMemberDialog = lazy(async () => ({ default: (await import("../features/members/RemoveMemberDialog")).RemoveMemberDialog }));
const DeleteMessageDialog = lazy(async () => ({ default: (await import("../features/messages/DeleteMessageDialog")).DeleteMessageDialog }));
const ProfileDialog = lazy(async () => ({ default: (await import("../features/profile/ProfileDialog")).ProfileDialog }));
const PasswordDialog = lazy(async () => ({ default: (await import("../features/profile/PasswordDialog")).PasswordDialog }));
const InvitesDialog = lazy(async () => ({ default: (await import("../features/invites/InvitesDialog")).InvitesDialog }));
const HelpDialog = lazy(async () => ({ default: (await import("../features/help/HelpDialog")).HelpDialog }));

function dialogFor(overlay: Overlay) {
  switch (overlay.name) {
    case "profile":
      return <ProfileDialog />;
    case "password":
      return <PasswordDialog />;
    case "person":
      return <PersonDialog id={overlay.user} />;
    case "new-room":
      return <NewRoomDialog />;
    case "browse":
      return <BrowseDialog />;
    case "switcher":
      return <SwitcherDialog />;
    case "edit-room":
      return <EditRoomDialog id={overlay.room} />;
    case "leave-room":
      return <LeaveRoomDialog id={overlay.room} />;
    case "archive-room":
      return <ArchiveRoomDialog id={overlay.room} />;
    case "add-people":
      return <AddPeopleDialog id={overlay.room} />;
    case "remove-member":
      return <RemoveMemberDialog room={overlay.room} user={overlay.user} display={overlay.display} />;
    case "delete-message":
      return <DeleteMessageDialog room={overlay.room} message={overlay.message} />;
    case "invites":
      return <InvitesDialog room={overlay.room} />;
    case "help":
      return <HelpDialog />;
  }
}

/** The one dialog that is open. A part that cannot be fetched closes it again and leaves the page as it was. */
export function Overlays() {
  const overlay = useOverlay((state) => state.overlay);
  if (!overlay) return null;
  return (
    <Boundary key={overlay.name} fallback={null} onError={closeOverlay}>
      <Suspense fallback={null}>{dialogFor(overlay)}</Suspense>
    </Boundary>
  );
}
