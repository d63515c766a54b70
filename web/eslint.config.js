import js from "@eslint/js";
import a11y from "eslint-plugin-jsx-a11y";
import hooks from "eslint-plugin-react-hooks";
import ts from "typescript-eslint";

export default ts.config(
  { ignores: ["dist", "node_modules", "sdk/generated.ts"] },
  js.configs.recommended,
  ...ts.configs.strict,
  { files: ["src/**/*.tsx"], ...a11y.flatConfigs.recommended },
  { files: ["src/**/*.{ts,tsx}"], plugins: { "react-hooks": hooks }, rules: { "react-hooks/rules-of-hooks": "error", "react-hooks/exhaustive-deps": "error" } },
  // A name that begins with _ is there to be left out. The message list is one stop of Tab with arrows inside (roving tabindex).
  { rules: { "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }] } },
  { files: ["src/**/*.tsx"], rules: { "jsx-a11y/no-noninteractive-tabindex": ["error", { tags: ["article"] }], "jsx-a11y/no-autofocus": ["error", { ignoreNonDOM: true }] } },
  { rules: { "no-undef": "off", "@typescript-eslint/no-non-null-assertion": "error" } },
);
