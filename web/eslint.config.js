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
  { rules: { "no-undef": "off", "@typescript-eslint/no-non-null-assertion": "error" } },
);
