/** Returns a store of intents in memory, with what it keeps. */
export function memoryStore() {
  const kept = new Map<string, string>();
  return {
    kept,
    getItem: (name: string) => kept.get(name),
    addItem: (name: string, value: string) => !kept.has(name) && kept.set(name, value).has(name),
    removeItem: (name: string, value: string) => kept.get(name) === value && kept.delete(name),
  };
}
