import { useState } from 'react';
import { parseToken } from './token.js';

/**
 * The form that sets the token. It applies on submit, not on every key, since
 * each new token loads the schema again.
 */
export function TokenField({ token, onChange }) {
  const [text, setText] = useState(token);
  const parsed = parseToken(text);

  function submit(event) {
    event.preventDefault();
    if (parsed === null) return;
    setText(parsed);
    onChange(parsed);
  }

  function forget() {
    setText('');
    onChange('');
  }

  let status = token ? 'Token set for this tab' : 'No token: anonymous';
  if (parsed === null) status = 'Not a token: it has a space or a character outside ASCII';
  else if (parsed !== token) status = 'Press Enter to use it';

  return (
    <form className="token" onSubmit={submit}>
      <label htmlFor="token">Access token</label>
      <input
        id="token"
        type="password"
        autoComplete="off"
        spellCheck={false}
        placeholder="paste it here; sent as Authorization: Bearer …"
        value={text}
        aria-invalid={parsed === null}
        aria-describedby="token-status"
        onChange={(event) => setText(event.target.value)}
      />
      <button type="submit" disabled={parsed === null || parsed === token}>Use</button>
      <button type="button" onClick={forget} disabled={!token && !text}>Forget</button>
      <span id="token-status" role="status">{status}</span>
    </form>
  );
}
