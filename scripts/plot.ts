// Draws the throughput of a bench report: npm run bench:plot -- report.json [docs/performance.svg]

import { readFile, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { plot, type Report } from './bench/report/plot.ts';

const { positionals } = parseArgs({ allowPositionals: true });
const [report, image = 'docs/performance.svg'] = positionals;
if (report === undefined) {
  console.error('Give the report as a file: npm run bench -- --json report.json writes it');
  process.exitCode = 1;
} else {
  await writeFile(image, plot(JSON.parse(await readFile(report, 'utf8')) as Report));
  console.log(`wrote ${image}`);
}
