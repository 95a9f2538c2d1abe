/**
 * Names of files as text. A name is any bytes for the system; text holds those that are not UTF-8 as U+DC80 to U+DCFF
 * (lone halves of pairs, which no UTF-8 gives), so that every name can be told, and is the same file when it comes back.
 * native/name_bytes.h does the same for strings that go into native code and Lua.
 */
const ESCAPE = 0xdc00;
/** With `u` this is never the half of a pair. */
const ESCAPED = /[\udc80-\udcff]/gu;
const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Bytes of the character that begins here; 0 if it is not UTF-8. */
function characterLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at];
  if (first < 0x80) return 1;
  const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  try {
    return at + length <= bytes.length && strict.decode(bytes.subarray(at, at + length)).length > 0 ? length : 0;
  } catch {
    return 0;
  }
}

export function nameOfBytes(bytes: Uint8Array): string {
  try {
    return strict.decode(bytes);
  } catch {
    let name = '';
    for (let at = 0; at < bytes.length;) {
      const length = characterLength(bytes, at);
      name += length === 0 ? String.fromCharCode(ESCAPE + bytes[at]) : strict.decode(bytes.subarray(at, at + length));
      at += length || 1;
    }
    return name;
  }
}

/** The bytes of a name that is not UTF-8; nothing for others, which are text for the system too. */
export function bytesOfName(name: string): Uint8Array | undefined {
  if (name.search(ESCAPED) < 0) return undefined;
  const encoder = new TextEncoder();
  const bytes: number[] = [];
  for (const character of name) {
    if (character.search(ESCAPED) < 0) bytes.push(...encoder.encode(character));
    else bytes.push(character.charCodeAt(0) - ESCAPE);
  }
  return Uint8Array.from(bytes);
}

/** A message for people, in which such bytes are written as \xe9. */
export function readable(text: string): string {
  return text.replace(ESCAPED, (character) => `\\x${(character.charCodeAt(0) - ESCAPE).toString(16)}`);
}
