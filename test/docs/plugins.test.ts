import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

test('the catalogue and the READMEs of plugins are what the code says; node tools/plugins.cjs writes them', () => {
  // Throws with what is out of date.
  execFileSync(process.execPath, [join(__dirname, '../../tools/plugins.cjs'), '--check'], { encoding: 'utf8' });
});
