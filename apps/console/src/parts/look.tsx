import { useState } from 'react';

const KEY = 'millwright.look';
const LOOKS = ['as the system', 'light', 'dark', 'high contrast'] as const;
type LookName = (typeof LOOKS)[number];

const kept = (): LookName => LOOKS.find((one) => one === localStorage.getItem(KEY)) ?? 'as the system';

/** Lays the look that this device was given onto the page. */
export function wear(look: LookName = kept()): void {
  document.documentElement.dataset.look = look === 'as the system' ? '' : look.replace(' ', '-');
}

export function Look() {
  const [look, setLook] = useState(kept);
  return (
    <label className="field">
      Look
      <select
        value={look}
        onChange={(event) => {
          const next = LOOKS.find((one) => one === event.target.value) ?? 'as the system';
          localStorage.setItem(KEY, next);
          wear(next);
          setLook(next);
        }}
      >
        {LOOKS.map((one) => (
          <option key={one}>{one}</option>
        ))}
      </select>
    </label>
  );
}
