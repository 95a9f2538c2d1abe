/** An object of fields, as Lua's tables and JSON's objects are: no list, and not null. */
export function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
