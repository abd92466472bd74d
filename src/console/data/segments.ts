/** Returns an id as a segment of a path. The router decodes paths once, but not the characters that divide a path: see `idIn`. */
export function segmentOf(id: string): string {
  return encodeURIComponent(id).replaceAll('%25', '%2525');
}

/** Returns the id of a path's segment as the router gives it. A segment that was typed by hand may have a percent sign of its own. */
export function idIn(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
