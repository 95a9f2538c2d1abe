/** Certificates made in a test. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

/** NAME.pem and NAME.key in a folder, signed by another one there or by itself. */
export function makeCertificate(folder: string, name: string, authority: string | undefined, ...more: readonly string[]): void {
  const path = (file: string): string => join(folder, file);
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-noenc', '-keyout', path(`${name}.key`), '-out', path(`${name}.pem`), '-subj', `/CN=${name}`, '-days', '2'];
  execFileSync('openssl', ['req', '-x509', ...key, ...(authority === undefined ? [] : ['-CA', path(`${authority}.pem`), '-CAkey', path(`${authority}.key`)]), ...more], { stdio: 'pipe' });
}
