/** Compiles what a user might write against the types of the built package: all texts in one program. */
import { join } from 'node:path';
import * as ts from 'typescript';

export const PACKAGE_ROOT = join(__dirname, '..', '..');
const TYPES = join(PACKAGE_ROOT, 'dist', 'src', 'index.d.ts');

/** As strict as users have it; `exactOptionalPropertyTypes` refuses undefined where a type does not name it. */
const OPTIONS: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.Node16,
  moduleResolution: ts.ModuleResolutionKind.Node16,
  lib: ['lib.es2023.d.ts'],
  types: ['node'],
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  noEmit: true,
  skipLibCheck: true,
  paths: { 'packet-bricks': [TYPES] },
};

/** One error: line, from 1, and code with message. */
export interface Complaint {
  readonly line: number;
  readonly code: number;
  readonly message: string;
}

const fileOf = (name: string): string => join(PACKAGE_ROOT, 'test', 'types', `${name}.snippet.ts`);

/** A program of these texts, by their names. */
export function programOf(texts: Readonly<Record<string, string>>): ts.Program {
  const files = new Map(Object.entries(texts).map(([name, text]) => [fileOf(name), text]));
  const host = ts.createCompilerHost(OPTIONS);
  const { getSourceFile, fileExists, readFile } = host;
  host.getSourceFile = (path, ...rest) => {
    const text = files.get(path);
    return text === undefined ? getSourceFile.call(host, path, ...rest) : ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, true);
  };
  host.fileExists = (path) => files.has(path) || fileExists.call(host, path);
  host.readFile = (path) => files.get(path) ?? readFile.call(host, path);
  return ts.createProgram([...files.keys()], OPTIONS, host);
}

export function complaintsOf(program: ts.Program, name: string): Complaint[] {
  const file = program.getSourceFile(fileOf(name));
  if (file === undefined) throw new Error(`no text ${name}`);
  return [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)].map(({ start, code, messageText }) => ({
    line: file.getLineAndCharacterOfPosition(start ?? 0).line + 1,
    code,
    message: ts.flattenDiagnosticMessageText(messageText, '\n'),
  }));
}

/** The built package's face: what it exports, and a checker for it. */
export function exportsOf(program: ts.Program): { readonly checker: ts.TypeChecker; readonly symbols: readonly ts.Symbol[] } {
  const checker = program.getTypeChecker();
  const face = program.getSourceFile(TYPES);
  const module = face && checker.getSymbolAtLocation(face);
  if (module === undefined) throw new Error('the package is not built');
  return { checker, symbols: checker.getExportsOfModule(module) };
}
