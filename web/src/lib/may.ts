interface Actor {
  id: string;
  role: "guest" | "member" | "admin" | "owner";
}

interface RoomLike {
  maker?: string | undefined;
  private: boolean;
  joined: boolean;
}

const ranks = { guest: 0, member: 1, admin: 2, owner: 3 } as const;

export function isAdmin(self: Actor): boolean {
  return ranks[self.role] >= ranks.admin;
}

/** Rename, topic, archive, add and remove: the room's maker in it, admins and owners in it or where it is public. */
export function mayManage(self: Actor, room: RoomLike): boolean {
  if (isAdmin(self)) return room.joined || !room.private;
  return room.joined && room.maker === self.id;
}

/** Nobody removes somebody above the own rank, or oneself: one leaves. */
export function mayRemove(self: Actor, room: RoomLike, member: Actor): boolean {
  return room.joined && mayManage(self, room) && member.id !== self.id && ranks[member.role] <= ranks[self.role];
}

export function mayDeleteMessage(self: Actor, room: RoomLike, author: string): boolean {
  return author === self.id || (room.joined && mayManage(self, room));
}
