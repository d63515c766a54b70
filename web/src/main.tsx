import "./styles/tokens.css";
import "./styles/base.css";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app/App";
import { applyTheme } from "./lib/theme";
import { actions } from "./store/contract";

applyTheme();
const root = document.getElementById("root");
if (root) {
  actions.start();
  createRoot(root).render(
    <StrictMode>
      <App />
    </StrictMode>,
  );
}
