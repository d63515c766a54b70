import { create } from "zustand";
import { reduce, type Action } from "./reducer.ts";
import { emptyState, type State } from "./state.ts";

export const useStore = create<State>(() => emptyState);

export function dispatch(action: Action): void {
  useStore.setState((state) => reduce(state, action), true);
}

export function getState(): State {
  return useStore.getState();
}
