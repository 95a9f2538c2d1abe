import * as ts from 'typescript';
import { ENGINE_OPTIONS, HEALTH_OPTIONS, LINE_FILE_OPTIONS, LINK_OPTIONS, PACE_OPTIONS, LoadBalancer, Filter, PcapReader, PcapWriter, resolveBackend, type BrickClass, type OptionProperties } from 'packet-bricks';
import { PACKAGE_ROOT, exportsOf, programOf } from './compiler';

const { checker, symbols } = exportsOf(programOf({ face: "import 'packet-bricks';" }));

function documentationOf(symbol: ts.Symbol): string {
  return ts.displayPartsToString(symbol.getDocumentationComment(checker)).trim();
}

function exported(name: string): ts.Symbol {
  const found = symbols.find((symbol) => symbol.name === name);
  if (!found) throw new Error(`the package exports no ${name}`);
  return found.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(found) : found;
}

const isOurs = (symbol: ts.Symbol): boolean => (symbol.declarations ?? []).some((declaration) => {
  const file = declaration.getSourceFile().fileName;
  return file.startsWith(PACKAGE_ROOT) && !file.includes('node_modules');
});

const isPrivate = (symbol: ts.Symbol): boolean => (symbol.declarations ?? []).some((declaration) => (ts.getCombinedModifierFlags(declaration) & (ts.ModifierFlags.Private | ts.ModifierFlags.Protected)) !== 0);

/** What one may write after the dot: of interfaces and type literals their members, of classes those of instances and static ones. */
function membersOf(symbol: ts.Symbol): ts.Symbol[] {
  const instance = symbol.flags & (ts.SymbolFlags.Class | ts.SymbolFlags.Interface | ts.SymbolFlags.TypeAlias) ? checker.getDeclaredTypeOfSymbol(symbol) : undefined;
  const properties = instance === undefined ? [] : instance.isUnion() ? instance.types.flatMap((part) => objectMembers(part)) : objectMembers(instance);
  const statics = symbol.flags & ts.SymbolFlags.Class ? [...(symbol.exports?.values() ?? [])].filter(({ flags }) => !(flags & ts.SymbolFlags.Prototype)) : [];
  return [...properties, ...statics].filter((member) => isOurs(member) && !isPrivate(member) && !member.name.startsWith('__'));
}

function objectMembers(type: ts.Type): ts.Symbol[] {
  return type.flags & (ts.TypeFlags.Object | ts.TypeFlags.Intersection) && !checker.isArrayLikeType(type) ? type.getProperties() : [];
}

test('every export says on hover what it is', () => {
  const silent = symbols.filter((symbol) => documentationOf(exported(symbol.name)) === '').map(({ name }) => name);
  expect(silent).toEqual([]);
});

test('every public method, option and field says on hover what it is', () => {
  const silent = new Set(symbols.flatMap(({ name }) => membersOf(exported(name)).filter((member) => documentationOf(member) === '').map((member) => `${name}.${member.name}`)));
  expect([...silent]).toEqual([]);
});

/** A number as documentation may write it. */
const spellings = (value: unknown): string[] => (typeof value === 'number' ? [String(value), value.toLocaleString('en-US')] : [JSON.stringify(value), String(value)]);

function missing(documentation: string, { minimum, maximum, unit, default: standard }: OptionProperties): string[] {
  const words = ` ${documentation.replace(/[.,;:()]+(\s|$)/g, ' ')} `;
  return Object.entries({ minimum, maximum, unit, default: standard })
    .filter(([, value]) => value !== undefined && !spellings(value).some((spelling) => words.includes(` ${spelling} `) || words.includes(` \`${spelling}\` `)))
    .map(([what, value]) => `${what} ${String(value)}`);
}

const declared = (brick: BrickClass<never>): Record<string, OptionProperties> => Object.fromEntries(brick.declaration.options.map(({ name, ...properties }) => [name, properties]));

test.each<[string, Readonly<Record<string, OptionProperties>>]>([
  ['PacketEngineOptions', ENGINE_OPTIONS],
  ['LinkOptions', LINK_OPTIONS],
  ['HealthOptions', HEALTH_OPTIONS],
  ['LineOptions', LINE_FILE_OPTIONS],
  ['PaceOptions', PACE_OPTIONS],
  ['LoadBalancerOptions', declared(LoadBalancer)],
  ['FilterOptions', declared(Filter)],
  ['PcapReaderOptions', declared(PcapReader)],
  ['PcapWriterOptions', declared(PcapWriter)],
  ['PcapOptions', resolveBackend('pcap').options],
  ['NetmapOptions', resolveBackend('netmap').options],
])('%s tell on hover range, unit and default of each option, as declared', (type, declarations) => {
  const options = new Map(checker.getDeclaredTypeOfSymbol(exported(type)).getProperties().map((option) => [option.name, option]));
  const wrong = Object.entries(declarations).map(([name, properties]) => {
    const option = options.get(name);
    return [name, option ? missing(documentationOf(option), properties) : ['is not there']] as const;
  }).filter(([, what]) => what.length > 0);
  expect(wrong).toEqual([]);
});

/** Types that are written in an export's own declarations. */
function loose(symbol: ts.Symbol): string[] {
  const found: string[] = [];
  for (const declaration of symbol.declarations ?? []) {
    if (!isOurs(symbol)) continue;
    const visit = (node: ts.Node): void => {
      if (ts.getCombinedModifierFlags(node as ts.Declaration) & ts.ModifierFlags.Private) return;
      if (node.kind === ts.SyntaxKind.AnyKeyword) found.push(`${symbol.name}: any`);
      if (ts.isIndexSignatureDeclaration(node)) found.push(`${symbol.name}: ${node.getText()}`);
      ts.forEachChild(node, visit);
    };
    visit(declaration);
  }
  return found;
}

test('nothing public is any, or takes whatever name one writes', () => {
  expect(symbols.flatMap(({ name }) => loose(exported(name)))).toEqual([]);
});
