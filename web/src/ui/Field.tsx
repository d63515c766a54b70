import { useId, type InputHTMLAttributes, type ReactNode, type Ref, type TextareaHTMLAttributes } from "react";
import { InlineError } from "./InlineError";
import "./field.css";

interface FieldFrame {
  label: string;
  hint?: ReactNode;
  error?: string | undefined;
  optional?: string;
}

interface TextFieldProps extends FieldFrame, Omit<InputHTMLAttributes<HTMLInputElement>, "id"> {
  ref?: Ref<HTMLInputElement>;
}

function describe(id: string, hint: ReactNode, error: string | undefined): string | undefined {
  if (error) return `${id}-error`;
  return hint ? `${id}-hint` : undefined;
}

function Frame({ id, label, hint, error, optional, children }: FieldFrame & { id: string; children: ReactNode }) {
  return (
    <div className="field">
      <label className="field-label" htmlFor={id}>
        {label}
        {optional && <span className="field-optional">{optional}</span>}
      </label>
      {children}
      {error && <InlineError id={`${id}-error`}>{error}</InlineError>}
      {hint && !error && (
        <p className="field-hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
    </div>
  );
}

/** One line of text with its label above, and below it what is wrong or what helps. */
export function TextField({ label, hint, error, optional, ...rest }: TextFieldProps) {
  const id = useId();
  return (
    <Frame id={id} label={label} hint={hint} error={error} {...(optional ? { optional } : {})}>
      <input
        {...rest}
        id={id}
        className="field-input"
        aria-invalid={error ? true : undefined}
        aria-describedby={describe(id, hint, error)}
      />
    </Frame>
  );
}

interface TextAreaProps extends FieldFrame, Omit<TextareaHTMLAttributes<HTMLTextAreaElement>, "id"> {
  ref?: Ref<HTMLTextAreaElement>;
}

/** Some lines of text, else as TextField. */
export function TextArea({ label, hint, error, optional, ...rest }: TextAreaProps) {
  const id = useId();
  return (
    <Frame id={id} label={label} hint={hint} error={error} {...(optional ? { optional } : {})}>
      <textarea
        rows={4}
        {...rest}
        id={id}
        className="field-input field-area"
        aria-invalid={error ? true : undefined}
        aria-describedby={describe(id, hint, error)}
      />
    </Frame>
  );
}

interface SelectProps extends FieldFrame {
  value: string;
  options: readonly { value: string; label: string }[];
  onChange: (value: string) => void;
  name?: string;
}

/** A choice among a few, with the browser's own list. */
export function Select({ label, hint, error, optional, value, options, onChange, name }: SelectProps) {
  const id = useId();
  return (
    <Frame id={id} label={label} hint={hint} error={error} {...(optional ? { optional } : {})}>
      <select
        id={id}
        name={name}
        className="field-input field-select"
        value={value}
        aria-describedby={describe(id, hint, error)}
        onChange={(event) => onChange(event.target.value)}
      >
        {options.map((option) => (
          <option key={option.value} value={option.value}>
            {option.label}
          </option>
        ))}
      </select>
    </Frame>
  );
}
