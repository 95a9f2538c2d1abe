/** Looks at engines for other programs: JSON and CSV. */
import { dropsOf } from '../control/drops';
import { tablesOf } from './tables';
import type { EngineStatistics } from '../control/statistics';

export function jsonOf(engines: readonly EngineStatistics[], time: Date): string {
  return JSON.stringify({ time: time.toISOString(), engines });
}

const CSV_COLUMNS = ['time', 'table', 'engine', 'name', 'field', 'value'] as const;

export function csvHeader(): string {
  return CSV_COLUMNS.join(',');
}

/** A line for each value: tables have different columns, and a program that reads one line knows all of it. */
export function csvOf(engines: readonly EngineStatistics[], time: Date): string[] {
  const line = (...fields: readonly (number | string | undefined)[]): string => [time.toISOString(), ...fields].map(field).join(',');
  const drops = engines.flatMap((engine) => dropsOf(engine).map(({ place, reason, packets }) => line('drops', engine.name, place, reason, packets)));
  const others = tablesOf(engines, 0).filter(({ name }) => name !== 'drops');
  return [...others.flatMap(({ name: table, columns, rows }) => rows.flatMap((row) => {
    const engine = row[columns.findIndex(({ key }) => key === 'engine')].value;
    return columns.flatMap(({ key }, at) => {
      const { value } = row[at];
      return at === 0 || key === 'engine' || value === undefined ? [] : [line(table, engine, row[0].value, key, value)];
    });
  })), ...drops];
}

/** RFC 4180. */
function field(value: number | string | undefined): string {
  const text = String(value ?? '');
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
