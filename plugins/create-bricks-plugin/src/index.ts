/** Makes a plugin: a package with a brick, a test, a benchmark, types, CI and a README. */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { filesOf } from './files';
import { CreateError, FORMS, brickNameOf, checkSettings, type GivenSettings, type Settings } from './settings';

export { CreateError, FORMS, LICENSES, checkSettings, type Form, type GivenSettings, type License, type Settings } from './settings';

/** The folder of a new plugin: the package's name without its scope. */
function folderOf(name: string, directory: string): string {
  return resolve(directory, name.replace(/^@[^/]*\//, ''));
}

/** Writes the files of a plugin into a new or empty folder; returns its path. @throws CreateError */
export function createPlugin(settings: Settings, directory = '.'): string {
  const folder = folderOf(settings.name, directory);
  if (existsSync(folder) && readdirSync(folder).length > 0) throw new CreateError(`The folder ${folder} is not empty. Use another name, or another directory.`);
  for (const [path, text] of filesOf(settings)) {
    const file = join(folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  return folder;
}

interface Streams {
  readonly input: NodeJS.ReadableStream;
  readonly output: NodeJS.WritableStream;
}

/** Asks for what was not given. An empty answer takes the default. */
export async function askSettings(given: GivenSettings, { input, output }: Streams): Promise<GivenSettings> {
  const lines = createInterface({ input, output });
  const answers: Record<string, string | undefined> = { ...given };
  const ask = async (what: string, question: string, usual: string): Promise<void> => {
    if (answers[what] !== undefined) return;
    const answer = (await lines.question(`${question}${usual === '' ? '' : ` [${usual}]`}: `)).trim();
    if (answer !== '') answers[what] = answer;
  };
  try {
    output.write(`${Object.entries(FORMS).map(([form, text]) => `  ${form}: ${text}`).join('\n')}\n`);
    await ask('form', 'What does the brick do?', 'choose');
    await ask('brick', 'Name of the brick', brickNameOf(given.name));
    await ask('description', 'Description', checkSettings({ name: given.name, form: answers['form'] }).description);
    await ask('author', 'Author', '');
    await ask('license', 'License', 'MIT');
  } finally {
    lines.close();
  }
  return answers as unknown as GivenSettings;
}

/** Makes a plugin from what was given, and asks for the rest on a terminal; returns the message for the user. @throws CreateError */
export async function create(given: GivenSettings, streams?: Streams): Promise<string> {
  const asked = streams === undefined ? given : await askSettings(given, streams);
  const settings = checkSettings(asked);
  const folder = createPlugin(settings);
  return `Made ${settings.name} with the brick ${settings.brick} in ${folder}.\nNext: cd ${folder.slice(dirname(folder).length + 1)} && npm install && npm test\n`;
}
