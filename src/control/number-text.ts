/** Numbers as people read them. */

const PREFIXES = ['', ' k', ' M', ' G', ' T'];

/** `1.23 M`: three digits, at most. */
export function shortNumber(value: number): string {
  let scaled = value;
  let prefix = 0;
  for (; scaled >= 999.5 && prefix + 1 < PREFIXES.length; prefix++) scaled /= 1000;
  const digits = prefix === 0 && Number.isInteger(value) ? 0 : scaled >= 99.95 ? 0 : scaled >= 9.995 ? 1 : 2;
  return `${scaled.toFixed(digits)}${PREFIXES[prefix]}`;
}

/** `16.0 Mbit/s`, `7 bit/s` */
export function withUnit(value: number, unit: string): string {
  const text = shortNumber(value);
  return /[a-zA-Z]$/.test(text) ? `${text}${unit}` : `${text} ${unit}`;
}

/** `25,704,741` */
export function groupedNumber(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** `34 %`; less than one is not nothing, and what is not all is not 100 %. */
export function percentText(share: number): string {
  const percent = 100 * share;
  if (percent > 0 && percent < 1) return '<1 %';
  if (share < 1 && percent >= 99.5) return '>99 %';
  return `${Math.round(percent)} %`;
}
