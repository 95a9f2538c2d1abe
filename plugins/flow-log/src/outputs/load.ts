import { BricksError } from 'packet-bricks';

/** Loads a client that not every user needs, and that is installed by those who do. @throws BricksError X_FLOW_LOG that says how */
export async function load<Module>(name: string, module: () => Promise<Module>): Promise<Module> {
  try {
    return await module();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new BricksError('X_FLOW_LOG', `The package ${name} is not installed.`, `Install it beside bricks-plugin-flow-log: npm install ${name}`);
  }
}
