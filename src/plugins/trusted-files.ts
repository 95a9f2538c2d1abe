/**
 * Whether only root can change the code of a package: what a process that runs as root is to load. Looked at are all its files, the folders above
 * it, and the same of the packages that it depends on.
 */
import { lstatSync, readFileSync, readdirSync, realpathSync, type Stats } from 'node:fs';
import { dirname, join } from 'node:path';
import { systemReason } from '../model/system-error';

/** More than any package has that is worth loading. */
const MOST_FILES = 100_000;
const WRITABLE_BY_OTHERS = 0o022;
const STICKY = 0o1000;

class Inspection {
  private readonly packages = new Set<string>();
  private readonly folders = new Set<string>();
  private files = 0;
  /** Others may put packages beside those that are there: one that is missing could come from them. */
  private open: string | undefined;
  private missing: string | undefined;

  /** What others can change, if anything. */
  of(folder: string): string | undefined {
    return this.package(realpathSync(folder)) ?? (this.missing !== undefined && this.open !== undefined ? `it needs ${this.missing}, which anybody could put into ${this.open}` : undefined);
  }

  private package(folder: string): string | undefined {
    if (this.packages.has(folder)) return undefined;
    this.packages.add(folder);
    return this.above(dirname(folder)) ?? this.within(folder) ?? this.dependencies(folder);
  }

  private above(folder: string): string | undefined {
    if (this.folders.has(folder)) return undefined;
    this.folders.add(folder);
    const status = lstatSync(folder);
    // In a sticky folder such as /tmp others can add files, but can't replace those of root.
    const sticky = status.uid === 0 && (status.mode & STICKY) !== 0;
    if (sticky && (status.mode & WRITABLE_BY_OTHERS) !== 0) this.open ??= folder;
    const problem = sticky ? undefined : problemOf(folder, status);
    return problem ?? (dirname(folder) === folder ? undefined : this.above(dirname(folder)));
  }

  private within(path: string): string | undefined {
    if (++this.files > MOST_FILES) return `it has more than ${MOST_FILES} files`;
    const status = lstatSync(path);
    // What a link leads to is a package itself, or is found when it is looked for.
    if (status.isSymbolicLink()) return this.linked(path);
    const problem = problemOf(path, status);
    if (problem !== undefined || !status.isDirectory()) return problem;
    for (const name of readdirSync(path)) {
      const inner = this.within(join(path, name));
      if (inner !== undefined) return inner;
    }
    return undefined;
  }

  private linked(path: string): string | undefined {
    let target: string;
    try {
      target = realpathSync(path);
    } catch {
      return undefined; // it leads nowhere
    }
    return this.package(target);
  }

  private dependencies(folder: string): string | undefined {
    for (const name of dependenciesOf(folder)) {
      const found = nearestPackage(folder, name);
      if (found === undefined) this.missing ??= name;
      const problem = found === undefined ? undefined : this.package(found);
      if (problem !== undefined) return problem;
    }
    return undefined;
  }
}

function problemOf(path: string, { uid, mode }: Stats): string | undefined {
  if (uid !== 0) return `${path} belongs to another user than root`;
  return (mode & WRITABLE_BY_OTHERS) !== 0 ? `${path} can be written by others than root` : undefined;
}

/** This package is the one that runs, wherever it lies. */
const OWN = 'packet-bricks';

function dependenciesOf(folder: string): string[] {
  try {
    const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Record<string, Record<string, string> | undefined>;
    return ['dependencies', 'optionalDependencies', 'peerDependencies'].flatMap((kind) => Object.keys(manifest[kind] ?? {})).filter((name) => name !== OWN);
  } catch {
    return []; // a link to something that is not a package
  }
}

/** Where Node finds a package. */
function nearestPackage(from: string, name: string): string | undefined {
  for (let at = from; ; at = dirname(at)) {
    try {
      return realpathSync(join(at, 'node_modules', name));
    } catch {
      if (dirname(at) === at) return undefined;
    }
  }
}

/** What others than root could change of a package that root is to load; nothing if it is safe. */
export function untrusted(folder: string): string | undefined {
  try {
    const problem = new Inspection().of(folder);
    return problem && `this process runs as root, and ${problem}. Install it as root (npm install as root, or chown -R root and chmod -R go-w)`;
  } catch (error) {
    return `this process runs as root, and who can write the files of the package can't be found out: ${systemReason(error)}`;
  }
}
