/** Gives the daemon commands. The token is kept here alone, as long as the page is open: no cookie and no storage, so no other site and no other page has it. */
import type { ReloadReport } from '../protocol/commands/program';
import type { WebCommand } from '../observe/web-messages';

/** What a command came to. */
export type Outcome = { readonly result: ReloadReport | null } | { readonly problem: string; readonly isTokenWrong?: boolean };

export class ControlClient {
  private token: string | undefined;

  get hasToken(): boolean {
    return this.token !== undefined;
  }

  forget(): void {
    this.token = undefined;
  }

  /** Keeps the token if it is the right one. Returns what is wrong, if something is. */
  async take(token: string): Promise<string | undefined> {
    const outcome = await ask(token);
    if ('problem' in outcome) return outcome.problem;
    this.token = token;
    return undefined;
  }

  async command(method: WebCommand, params: Readonly<Record<string, string>>): Promise<Outcome> {
    const outcome = await ask(this.token ?? '', { jsonrpc: '2.0', id: 1, method, params });
    if ('isTokenWrong' in outcome) this.forget();
    return outcome;
  }
}

async function ask(token: string, message?: object): Promise<Outcome> {
  // No header can carry others, and no token has them.
  if (!/^[\x21-\x7e]+$/.test(token)) return { problem: 'A token has no spaces, and only ASCII characters.' };
  const headers = { Authorization: `Bearer ${token}`, ...(message === undefined ? {} : { 'Content-Type': 'application/json' }) };
  try {
    const response = await fetch('/control', { method: message === undefined ? 'GET' : 'POST', headers, ...(message === undefined ? {} : { body: JSON.stringify(message) }), credentials: 'same-origin', cache: 'no-store' });
    if (response.status === 401) return { problem: 'The token is wrong.', isTokenWrong: true };
    if (!response.ok) return { problem: (await response.text()).trim() };
    const { result, error } = await response.json() as { result?: ReloadReport | null; error?: { message: string } };
    return error === undefined ? { result: result ?? null } : { problem: error.message };
  } catch {
    return { problem: 'The daemon does not answer.' };
  }
}
