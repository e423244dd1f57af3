// The same requests to a real server and to the gateway, side by side: npm run differential -- eureka|bolt [CASE...]
/** Suites are loaded when they are asked for. Each prints its report and says whether every difference is explained. */
const SUITES: Readonly<Record<string, () => Promise<(cases: readonly string[]) => Promise<boolean>>>> = {
  bolt: async () => (await import('./differential/bolt.ts')).compareBolt,
  eureka: async () => (await import('./differential/eureka.ts')).compareEureka,
};

const [suite = '', ...cases] = process.argv.slice(2);
const load = SUITES[suite];
if (load === undefined) {
  console.error(`usage: npm run differential -- ${Object.keys(SUITES).join('|')} [CASE...]`);
  process.exit(2);
}
const compare = await load();
process.exit((await compare(cases)) ? 0 : 1);
