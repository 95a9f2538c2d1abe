/** Makes a plugin: a package with a brick, a test, a benchmark, types, CI and a README. */
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { getSystemErrorMap } from 'node:util';
import { filesOf } from './files';
import { CreateError, FORMS, WriteError, brickNameOf, checkSettings, type GivenSettings, type Settings } from './settings';

export { CreateError, FORMS, WriteError, LICENSES, checkSettings, type Form, type GivenSettings, type License, type Settings } from './settings';

/** The folder of a new plugin: the package's name without its scope. */
function folderOf(name: string, directory: string): string {
  return resolve(directory, name.replace(/^@[^/]*\//, ''));
}

/** Writes the files of a plugin into a new or empty folder, all or none; returns its path. @throws CreateError, WriteError */
export function createPlugin(settings: Settings, directory = '.'): string {
  const folder = folderOf(settings.name, directory);
  try {
    if (existsSync(folder) && readdirSync(folder).length > 0) throw new CreateError(`The folder ${folder} is not empty. Use another name, or another directory.`);
    writeFiles(folder, filesOf(settings));
  } catch (error) {
    if (error instanceof CreateError) throw error;
    throw new WriteError(`The plugin can't be written to ${folder}: ${systemWords(error)}.`);
  }
  return folder;
}

/** All files, or none of them, nor of their folders. */
function writeFiles(folder: string, files: ReadonlyMap<string, string>): void {
  const made: string[] = [];
  try {
    for (const [path, text] of files) {
      const file = join(folder, path);
      made.push(mkdirSync(dirname(file), { recursive: true }) ?? file);
      writeFileSync(file, text);
    }
  } catch (error) {
    for (const path of made) rmSync(path, { recursive: true, force: true });
    throw error;
  }
}

function systemWords(error: unknown): string {
  const { errno, message } = error as NodeJS.ErrnoException;
  return getSystemErrorMap().get(errno ?? 0)?.[1] ?? message;
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

/**
 * Makes a plugin from what was given, and asks for the rest on a terminal; returns the message for the user. `clone`: where the Packet Bricks lies that is to be
 * installed with it, if it is not the one that npm has. @throws CreateError, WriteError
 */
export async function create(given: GivenSettings, streams?: Streams, clone?: string): Promise<string> {
  const asked = streams === undefined ? given : await askSettings(given, streams);
  const settings = checkSettings(asked);
  const folder = createPlugin(settings);
  return `Made ${settings.name} with the brick ${settings.brick} in ${folder}.\nNext: cd ${folder.slice(dirname(folder).length + 1)} && npm install${clone === undefined ? '' : ` --save-dev ${/^[\w/.-]+$/.test(clone) ? clone : JSON.stringify(clone)}`} && npm test\n`;
}
