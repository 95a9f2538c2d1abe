'use strict';
/** What the reference takes from the sources themselves: errors with their messages, and the fields of statistics. */
const { readFileSync, readdirSync } = require('node:fs');
const { join, relative } = require('node:path');
const ts = require('typescript');

const CODE = /^E_[A-Z_]+$/;

/** All TypeScript files of the program. */
function sourceFiles(root) {
  const files = [];
  const visit = (folder) => {
    for (const entry of readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) visit(path);
      else if (entry.name.endsWith('.ts')) files.push(path);
    }
  };
  visit(join(root, 'src'));
  visit(join(root, 'backends'));
  return files.map((path) => ({
    name: relative(root, path),
    tree: ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.ES2022, true),
  }));
}

function walk(node, visit) {
  visit(node);
  ts.forEachChild(node, (child) => walk(child, visit));
}

/** A word for what is filled in where a message has a hole. */
function placeholder(node) {
  if (ts.isIdentifier(node)) return node.text;
  if (ts.isPropertyAccessExpression(node)) return node.name.text === 'length' ? 'number' : placeholder(node.name);
  if (ts.isElementAccessExpression(node) || ts.isNonNullExpression(node) || ts.isParenthesizedExpression(node)) return placeholder(node.expression);
  if (!ts.isCallExpression(node)) return '...';
  const called = placeholder(node.expression);
  if (['messageOf', 'systemReason', 'formatFailure'].includes(called)) return 'reason';
  return called === 'join' || called === 'map' ? 'list' : called;
}

/** linkName and MAXIMUM_BATCH_ROWS as words. */
function words(name) {
  return name.replace(/_/g, ' ').replace(/([a-z])([A-Z])/g, '$1 $2').toLowerCase();
}

/** What stands in a hole: a word in angle brackets, the two texts of a choice, or dots. */
function hole(node) {
  if (ts.isConditionalExpression(node)) {
    const texts = [node.whenTrue, node.whenFalse].map((part) => (ts.isStringLiteral(part) ? part.text : undefined));
    if (texts.includes(undefined)) return '...';
    return texts.includes('') ? `(${texts.join('').trim()})` : texts.join(' or ');
  }
  if (ts.isCallExpression(node) && node.expression.getText() === 'countText') return `${hole(node.arguments[0])} ${textOf(node.arguments[1]) ?? hole(node.arguments[1])}(s)`;
  const word = placeholder(node);
  return constantText(node) ?? (word === '...' ? word : `<${words(word)}>`);
}

/** The text of a constant of the same file. */
function constantText(node) {
  if (!ts.isIdentifier(node) || !/^[A-Z_]+$/.test(node.text)) return undefined;
  const declarations = node.getSourceFile().statements.filter(ts.isVariableStatement).flatMap(({ declarationList }) => [...declarationList.declarations]);
  const initializer = declarations.find(({ name }) => name.getText() === node.text)?.initializer;
  return initializer && ts.isStringLiteral(initializer) ? initializer.text : undefined;
}

/** The text of a message in its source, with its holes; nothing where it is no text. */
function textOf(node) {
  if (node === undefined) return '';
  if (ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node)) return node.text;
  if (ts.isTemplateExpression(node)) {
    return (node.head.text + node.templateSpans.map((span) => hole(span.expression) + span.literal.text).join('')).replace(/\.{4,}/g, '...');
  }
  return undefined;
}

/** Of a choice between messages, each. */
function alternatives(node) {
  return node && ts.isConditionalExpression(node) ? [...alternatives(node.whenTrue), ...alternatives(node.whenFalse)] : [node];
}

/** The codes that an expression may be. */
function codesOf(node) {
  const codes = [];
  if (node) walk(node, (part) => {
    if (ts.isStringLiteral(part) && CODE.test(part.text)) codes.push(part.text);
  });
  return codes;
}

function enclosingFunction(node) {
  for (let at = node.parent; at; at = at.parent) if (ts.isFunctionDeclaration(at) && at.name) return at;
  return undefined;
}

/** Each error code with its messages and remedies, as `new BricksError(...)` has them, directly or by a helper. */
function collectErrors(root) {
  const files = sourceFiles(root);
  const found = new Map();
  const add = (code, message, remedy, file) => {
    const entries = found.get(code) ?? [];
    if (!entries.some((entry) => entry.message === message && entry.remedy === remedy)) entries.push({ message, remedy, file });
    found.set(code, entries);
  };
  /** Functions that make errors of a code that they are given: name, and where code, message and remedy come from. */
  const helpers = [];
  const take = (args, file) => {
    const codes = codesOf(args[0]);
    for (const code of codes) for (const message of alternatives(args[1])) add(code, textOf(message), textOf(args[2]), file.name);
    return codes.length > 0;
  };
  /** Errors that also say where: `new GraphError(CODE, brick, text, remedy)`, `this.error(place, CODE, text, remedy)`. */
  const takePlaced = (args, file) => {
    const at = args.findIndex((argument) => ts.isStringLiteral(argument) && CODE.test(argument.text));
    if (at < 0) return;
    const [message, remedy] = args.slice(at + 1).filter((argument, index) => index > 0 || textOf(argument) !== undefined);
    add(args[at].text, textOf(message), textOf(remedy), file.name);
  };
  const makesPlaced = (node) => (ts.isNewExpression(node) ? /(?<!Bricks)Error$/.test(node.expression.getText()) : ts.isCallExpression(node) && ts.isPropertyAccessExpression(node.expression) && node.expression.name.text === 'error');
  for (const file of files) {
    walk(file.tree, (node) => {
      if (makesPlaced(node)) takePlaced([...(node.arguments ?? [])], file);
      if (!ts.isNewExpression(node) || node.expression.getText() !== 'BricksError' || !node.arguments) return;
      if (take(node.arguments, file)) return;
      const maker = enclosingFunction(node);
      if (maker) helpers.push({ name: maker.name.text, parameters: maker.parameters.map((parameter) => parameter.name.getText()), args: node.arguments });
    });
  }
  for (const file of files) {
    walk(file.tree, (node) => {
      if (!ts.isCallExpression(node) || !ts.isIdentifier(node.expression)) return;
      for (const helper of helpers.filter(({ name }) => name === node.expression.text)) {
        const given = (argument) => (argument && helper.parameters.includes(argument.getText()) ? node.arguments[helper.parameters.indexOf(argument.getText())] : argument);
        take([given(helper.args[0]), given(helper.args[1]), given(helper.args[2])], file);
      }
    });
  }
  return new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The fields of an exported interface: name, type, and what the comment says. */
function interfaceFields(root, file, name) {
  const path = join(root, file);
  const tree = ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.ES2022, true);
  const fields = [];
  walk(tree, (node) => {
    if (!ts.isInterfaceDeclaration(node) || node.name.text !== name) return;
    for (const member of node.members) {
      if (!ts.isPropertySignature(member)) continue;
      const [comment] = ts.getJSDocCommentsAndTags(member);
      const text = comment ? ts.getTextOfJSDocComment(comment.comment) ?? '' : '';
      fields.push({ name: member.name.getText(), type: member.type?.getText().replace(/readonly /g, '') ?? '', text });
    }
  });
  if (fields.length === 0) throw new Error(`${file} has no interface ${name}`);
  return fields;
}

/** The rows of help that the Lua prelude prints, and the functions it has. */
function luaCalls(root) {
  const folder = join(root, 'src', 'lua', 'prelude');
  const read = (file) => readFileSync(join(folder, file), 'utf8');
  return ['5-bricks.lua', '4-engine.lua', '3-brick.lua'].map((file) => {
    const text = read(file);
    const object = /^(\w+) = base\.module\("(\w+)"/m.exec(text)[2];
    const rows = [...text.matchAll(/^ {4}\{ "([^"]*\([^"]*\))", "([^"]+)" \},$/gm)].map(([, call, meaning]) => ({ call, meaning }));
    // What help leaves out has its meaning in the comment above it.
    const others = [...text.matchAll(/^-- ([^\n]+)\nfunction (functions|methods)\.(\w+)\(([^)\n]*)\)/gm)]
      .map(([, meaning, kind, name, parameters]) => ({ call: kind === 'functions' ? `${object}.${name}(${parameters})` : `${name}(${parameters})`, name, meaning }))
      .filter(({ name }) => !rows.some(({ call }) => new RegExp(`[.:]${name}\\(`).test(call)));
    return { object, rows: [...rows.filter(({ call }) => call.startsWith(`${object}.`) || /^[a-z]+:/.test(call)), ...others] };
  });
}

module.exports = { collectErrors, interfaceFields, luaCalls };
