import type { LeaseHold } from '../../core/index.ts';
import type { EurekaRegistry, RecentLease } from './registry.ts';
import type { ViewInstance } from './registry-view.ts';

const STYLE = `body{font:14px/1.5 system-ui,sans-serif;margin:2rem;color:#222}h1{font-size:1.3rem}h2{font-size:1.1rem;margin-top:2rem}
table{border-collapse:collapse}td,th{border:1px solid #ccc;padding:.3rem .6rem;text-align:left;vertical-align:top}th{background:#f4f4f4}.warning{color:#b00}`;

/** Text for HTML: everything a client sent goes through here. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}

/** The page that Eureka users know. */
export function statusPage(registry: EurekaRegistry, version: string, now: Date): string {
  const rows = registry.view.applications().map(({ name, instances }) => {
    const list = instances.map((instance) => `${escapeHtml(instance.info.status)} - ${link(instance)}`).join('<br>');
    return `<tr><td><b>${escapeHtml(name)}</b></td><td>${instances.length}</td><td>${list}</td></tr>`;
  });
  const table =
    rows.length === 0
      ? '<p>No instances available</p>'
      : `<table><tr><th>Application</th><th>Instances</th><th>Status</th></tr>${rows.join('')}</table>`;
  const facts: readonly [string, string][] = [
    ['Server', `Isthmus ${version}`],
    ['Current time', now.toISOString()],
    ['Lease expiration enabled', String(registry.leaseHolds().length === 0)],
    ['Renews expected per minute', String(registry.renewsExpected)],
    ['Renews threshold', String(registry.renewsThreshold)],
    ['Renews (last min)', String(registry.renewsLastMinute)],
  ];
  const status = `<table>${facts.map(([name, value]) => `<tr><th>${escapeHtml(name)}</th><td>${escapeHtml(value)}</td></tr>`).join('')}</table>`;
  return page(
    'Eureka',
    `<h2>System Status</h2>${status}${protection(registry.leaseHolds())}<h2>Instances currently registered with Eureka</h2>${table}<p><a href="/lastn">Last 1000 leases</a></p>`,
  );
}

/** Says why instances are kept, for whom, since when, and when that ends; nothing when nothing is kept. */
function protection(holds: readonly LeaseHold[]): string {
  if (holds.length === 0) return '';
  const sentences = holds.map((hold) => `<li>${escapeHtml(holdSentence(hold))}</li>`);
  return `<h2 class="warning">Some instances are kept although they are overdue</h2><ul>${sentences.join('')}</ul>`;
}

/** One domain that is protected, as a plain sentence. */
export function holdSentence({ kind, name, held, total, heldForMs, endsInMs }: LeaseHold): string {
  const domain = { service: 'service', session: 'Session', zone: 'zone', segment: 'network segment' }[kind];
  const seconds = (ms: number) => `${Math.round(ms / 1000)} s`;
  return `${held} of ${total} instances of ${domain} ${name.split('#@#')[0] ?? name} fell silent together, which looks like a network fault and not like their end; they are kept since ${seconds(heldForMs)}, until they are heard again or for another ${seconds(endsInMs)}`;
}

export function lastLeasesPage(registry: EurekaRegistry): string {
  return page(
    'Last leases',
    `<h2>Last cancelled leases</h2>${leases(registry.recentCancellations)}<h2>Last newly registered leases</h2>${leases(registry.recentRegistrations)}`,
  );
}

function leases(entries: readonly RecentLease[]): string {
  if (entries.length === 0) return '<p>None</p>';
  const rows = [...entries]
    .reverse()
    .map(({ atMs, app, instanceId }) => `<tr><td>${new Date(atMs).toISOString()}</td><td>${escapeHtml(`${app}(${instanceId})`)}</td></tr>`);
  return `<table><tr><th>Timestamp</th><th>Lease</th></tr>${rows.join('')}</table>`;
}

/** A link only where the address is one of the web: a `javascript:` address of a client must not be clickable. */
function link(instance: ViewInstance): string {
  const label = escapeHtml(instance.info.instanceId);
  const url = instance.info.statusPageUrl;
  if (url === undefined || !/^https?:\/\//i.test(url)) return label;
  return `<a href="${escapeHtml(url)}" rel="noreferrer">${label}</a>`;
}

function page(title: string, body: string): string {
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${escapeHtml(title)}</title><style>${STYLE}</style></head><body><h1>Isthmus</h1>${body}</body></html>`;
}
