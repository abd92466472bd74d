// The package unpacks its browser on first use. Of two test files that do so at once, one would find it incomplete. So it is
// unpacked before the first test.

export default async function unpackChromium(): Promise<void> {
  // This variable makes the package unpack libraries too, which a machine without a desktop lacks.
  process.env['AWS_EXECUTION_ENV'] = 'AWS_Lambda_nodejs22.x';
  const { default: chromium } = await import('@sparticuz/chromium');
  await chromium.executablePath();
}
