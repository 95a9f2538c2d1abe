/** Prints rows as they come, and what came of them. */
'use strict';

function isReached({ mark, ratio }) {
  if (!mark || ratio === undefined) return undefined;
  return mark.sum !== undefined ? ratio <= mark.sum : ratio >= mark.least;
}

function markText(mark) {
  return mark.sum !== undefined ? `at most ${mark.sum}` : `at least ${mark.least}`;
}

function time({ median, spread }) {
  return `${median.toFixed(2).padStart(8)} ns ±${(spread * 100).toFixed(0).padStart(2)} % ${(1000 / median).toFixed(1).padStart(7)} M/s`;
}

exports.printRow = (row, settings) => {
  console.log(`\n${row.name}: ${row.title}`);
  if (row.missing) console.log(`    left out: ${row.missing}`);
  if (row.failed) console.log(`    failed: ${row.failed}`);
  for (const result of row.results ?? []) {
    const parts = [`    ${result.name.padEnd(28)}`];
    if (result.cpu) parts.push(`CPU ${time(result.cpu)}`);
    if (result.wall) parts.push(`wall ${time(result.wall)}`);
    console.log(parts.join('  '));
  }
  for (const figure of row.figures ?? []) console.log(`    ${figure.name.padEnd(60)} ${figure.text}`);
  if (row.ratio !== undefined) {
    const judgement = settings.short || !row.mark ? '' : ` (mark: ${markText(row.mark)}, ${isReached(row) ? 'reached' : 'not reached'})`;
    console.log(`    ratio ${row.ratio.toFixed(2)} beside ${row.beside}${judgement}`);
  }
};

exports.printSummary = (report, file) => {
  const rows = report.rows.filter((row) => row.ratio !== undefined && row.mark);
  if (rows.length > 1 && !report.settings.short) {
    console.log('\nratios');
    for (const row of rows) {
      console.log(`    ${row.title.padEnd(62)} ${row.ratio.toFixed(2).padStart(6)}  ${markText(row.mark).padEnd(14)} ${isReached(row) ? 'reached' : 'not reached'}`);
    }
  }
  console.log(`\nWritten to ${file}`);
};
