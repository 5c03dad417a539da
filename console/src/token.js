// The access token of this browser tab. It lives in sessionStorage, so it ends
// with the tab and is never written to disk with the saved queries.

const key = 'logbook:token';

/** Returns the tab's token, or '' where none is set. */
export function loadToken() {
  try {
    return sessionStorage.getItem(key) ?? '';
  } catch {
    return ''; // Storage is switched off; the token then lives in the page only.
  }
}

/** Keeps token for this tab; '' forgets it. */
export function saveToken(token) {
  try {
    if (token) sessionStorage.setItem(key, token);
    else sessionStorage.removeItem(key);
  } catch {
    // Storage is switched off; see loadToken.
  }
}

/**
 * Returns the token in what was typed or pasted: white space around it goes,
 * and so does the word "Bearer". A character that no HTTP header can carry
 * makes it invalid, and the answer is null.
 */
export function parseToken(text) {
  const token = text.trim().replace(/^bearer\s+/i, '');
  return /^[\x21-\x7e]*$/.test(token) ? token : null;
}
