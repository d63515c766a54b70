import { Component, type ReactNode } from "react";

interface BoundaryProps {
  fallback: ReactNode;
  onError?: () => void;
  children: ReactNode;
}

/** Keeps what breaks in one part from taking the page with it. */
export class Boundary extends Component<BoundaryProps, { broken: boolean }> {
  override state = { broken: false };

  static getDerivedStateFromError() {
    return { broken: true };
  }

  override componentDidCatch() {
    this.props.onError?.();
  }

  override render() {
    return this.state.broken ? this.props.fallback : this.props.children;
  }
}
