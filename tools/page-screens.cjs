'use strict';
/**
 * Makes screenshots of the page of a daemon, to be looked at: node tools/page-screens.cjs URL FOLDER. In both themes, wide and as wide as a phone.
 * Needs Debian's chromium.
 */
const { join } = require('node:path');
const { chromium } = require('playwright-core');

const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
const SIZES = { wide: { width: 1280, height: 900 }, phone: { width: 390, height: 844 } };

async function makeScreens(url, folder) {
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
  const files = [];
  try {
    for (const colorScheme of ['light', 'dark']) {
      for (const [name, viewport] of Object.entries(SIZES)) {
        const page = await browser.newPage({ viewport, colorScheme });
        await page.goto(url);
        await page.waitForSelector('svg .edge', { state: 'attached' });
        await page.waitForFunction(() => /running/.test(document.getElementById('status').textContent));
        await page.click('#tap-button');
        await page.waitForTimeout(3000);
        const file = join(folder, `page-${colorScheme}-${name}.png`);
        await page.screenshot({ path: file, fullPage: true });
        files.push(file);
        await page.close();
      }
    }
  } finally {
    await browser.close();
  }
  return files;
}

module.exports = { makeScreens };

if (require.main === module) {
  const [url, folder] = process.argv.slice(2);
  if (folder === undefined) {
    process.stderr.write('usage: node tools/page-screens.cjs URL FOLDER\n');
    process.exit(2);
  }
  makeScreens(url, folder).then((files) => process.stdout.write(`${files.join('\n')}\n`), (error) => {
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  });
}
