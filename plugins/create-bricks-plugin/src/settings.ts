/** What a plugin is to be, as its author says it. */

/** How the brick sees packets. */
export const FORMS = {
  choose: 'says for each packet to which output it goes',
  packet: 'the same, with the headers of each packet parsed',
  edit: 'changes packets',
} as const;
export type Form = keyof typeof FORMS;

export const LICENSES = ['MIT', 'BSD-2-Clause'] as const;
export type License = (typeof LICENSES)[number];

export interface Settings {
  /** The package: `my-brick`, `@me/my-brick`. */
  readonly name: string;
  /** The brick: `MyBrick`. */
  readonly brick: string;
  readonly form: Form;
  readonly description: string;
  readonly author: string;
  readonly license: License;
}

/** What its author has said so far. */
export type GivenSettings = { readonly name: string } & { readonly [Name in Exclude<keyof Settings, 'name'>]?: string | undefined };

/** A mistake of the user's: the message is for the user. */
export class CreateError extends Error {}

/** The system refused to write the plugin, and nothing is left of it: the message is for the user, as is what to do. */
export class WriteError extends Error {
  readonly remedy = 'Free some space, or use another directory.';
}

const PACKAGE_NAME = /^(?:@[a-z0-9][a-z0-9._-]*\/)?[a-z0-9][a-z0-9._-]*$/;
const BRICK_NAME = /^[A-Z][A-Za-z0-9]{0,63}$/;
/** Bricks of Packet Bricks itself: a plugin can't take their names. */
const TAKEN = ['LoadBalancer', 'Duplicator', 'Merge', 'Dummy', 'Filter', 'PcapReader', 'PcapWriter'];

const DESCRIPTIONS: Readonly<Record<Form, string>> = {
  choose: 'Sends long packets to output 0 and short ones to output 1.',
  packet: 'Sends packets of one TCP or UDP port to output 0 and all others to output 1.',
  edit: 'Overwrites the payload of TCP and UDP packets with zeros.',
};

/** `@me/bricks-plugin-my-brick` is a package with the brick `MyBrick`. */
export function brickNameOf(name: string): string {
  const words = name.replace(/^@[^/]*\//, '').replace(/^(?:packet-)?bricks?-plugin-/, '').split(/[^A-Za-z0-9]+/).filter(Boolean);
  const joined = words.map((word) => word[0].toUpperCase() + word.slice(1)).join('');
  return /^[A-Z]/.test(joined) ? joined : `Brick${joined}`;
}

function oneOf<Value extends string>(what: string, given: string | undefined, known: readonly Value[]): Value {
  const value = given ?? known[0];
  if (!(known as readonly string[]).includes(value)) throw new CreateError(`There is no ${what} "${value}". There are: ${known.join(', ')}.`);
  return value as Value;
}

/** Checks what was given and adds the defaults. @throws CreateError */
export function checkSettings(given: GivenSettings): Settings {
  const { name } = given;
  if (!PACKAGE_NAME.test(name) || name.length > 214) throw new CreateError(`"${name}" can't be the name of a package: it must consist of small letters, digits, "-", "_" and ".", perhaps with a scope in front (@me/${name.toLowerCase().replace(/[^a-z0-9._-]+/g, '-') || 'my-brick'}).`);
  const form = oneOf('form', given.form, Object.keys(FORMS) as Form[]);
  const brick = given.brick ?? brickNameOf(name);
  if (!BRICK_NAME.test(brick)) throw new CreateError(`"${brick}" can't be the name of a brick: it must consist of letters and digits and start with a capital letter.`);
  if (TAKEN.includes(brick)) throw new CreateError(`Packet Bricks itself has a brick ${brick}. Name yours otherwise: --brick My${brick}.`);
  return { name, brick, form, description: given.description ?? DESCRIPTIONS[form], author: given.author ?? '', license: oneOf('license', given.license, LICENSES) };
}
