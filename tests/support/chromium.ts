// The package unpacks its browser when it is first asked for it, and two test files that ask at once would meet half of it:
// here it is unpacked before the first.

export default async function unpackChromium(): Promise<void> {
  // Where it is set, the libraries are unpacked too that a machine without a desktop lacks.
  process.env['AWS_EXECUTION_ENV'] = 'AWS_Lambda_nodejs22.x';
  const { default: chromium } = await import('@sparticuz/chromium');
  await chromium.executablePath();
}
