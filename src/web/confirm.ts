/** Asks before something is done: a dialog that the keyboard and a screen reader know, with the harmless answer first. */
import { element } from './dom';

/** Whether the answer is yes. */
export function confirmed(title: string, text: string, yes: string): Promise<boolean> {
  const heading = element('h2', { id: 'confirm-title' }, title);
  const no = element('button', { type: 'button' }, 'Cancel');
  const ok = element('button', { type: 'button' }, yes);
  const dialog = element('dialog', { 'aria-labelledby': 'confirm-title', 'aria-describedby': 'confirm-text' }, heading, element('p', { id: 'confirm-text' }, text), element('div', { class: 'buttons' }, no, ok));
  document.body.append(dialog);
  return new Promise((resolve) => {
    // Escape closes it without a value; the focus goes back to where it was.
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(dialog.returnValue === 'yes');
    });
    no.addEventListener('click', () => dialog.close());
    ok.addEventListener('click', () => dialog.close('yes'));
    dialog.showModal();
    no.focus();
  });
}
