import './admin.css';
import { useLocation } from 'wouter';
import { pathTo } from '../../data/place.ts';
import { Page } from '../../kit/page.tsx';
import { Forbidden, NotFound } from '../../kit/states.tsx';
import { Tabs } from '../../kit/tabs.tsx';
import { useSession } from '../../session/session-context.ts';
import { AuditSection } from './audit-section.tsx';
import { KeysSection } from './keys-section.tsx';
import { LedgersSection } from './ledgers-section.tsx';

const TABS = [
  { name: 'keys', label: 'API keys', content: <KeysSection /> },
  { name: 'ledgers', label: 'Ledgers', content: <LedgersSection /> },
  { name: 'audit', label: 'Audit log', content: <AuditSection /> },
] as const;

/** API keys, ledgers and the audit log, for those with the scope ADMIN. Its address keeps the section. */
export function AdminPage({ section }: { readonly section: string }) {
  const { isAllowed } = useSession();
  const [, go] = useLocation();
  const selected = TABS.find(({ name }) => name === section);
  if (!isAllowed('apiKeys')) {
    return (
      <Page title="Admin">
        <Forbidden what="administration" scope="ADMIN" />
      </Page>
    );
  }
  if (selected === undefined) return <NotFound />;
  return (
    <Page title={selected.label} heading="Admin">
      <Tabs
        label="Sections of the administration"
        tabs={TABS}
        selected={selected.name}
        onSelect={(name) => go(pathTo.admin(name))}
      />
    </Page>
  );
}
