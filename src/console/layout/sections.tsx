import { useEffect, useId, useRef, useState } from 'react';
import { Link, useLocation } from 'wouter';
import { pathTo, ROOT } from '../data/place.ts';
import type { Action } from '../session/rights.ts';
import { useSession } from '../session/session-context.ts';
import { Icon, type IconName } from './icons.tsx';

interface Section {
  readonly to: string;
  /** The beginning of the paths of its pages. */
  readonly at: string;
  readonly name: string;
  readonly icon: IconName;
  /** The action that a viewer must be allowed to see it. */
  readonly needs?: Action;
}

const SECTIONS: readonly Section[] = [
  { to: pathTo.overview, at: '/', name: 'Overview', icon: 'overview' },
  { to: pathTo.accounts, at: '/accounts', name: 'Accounts', icon: 'accounts', needs: 'accounts' },
  {
    to: pathTo.transactions,
    at: '/transactions',
    name: 'Transactions',
    icon: 'transactions',
    needs: 'transactions',
  },
  { to: pathTo.move('transfer'), at: '/move', name: 'Move money', icon: 'move', needs: 'transfer' },
  { to: pathTo.holds, at: '/holds', name: 'Holds', icon: 'holds', needs: 'holds' },
  { to: pathTo.admin('keys'), at: '/admin', name: 'Admin', icon: 'admin', needs: 'apiKeys' },
];

/** A narrow screen has room for five: these and "More". */
const FIRST = 4;

/** Links to the pages that the viewer may use. On a narrow screen "More" shows those for which there is no room. */
export function Sections() {
  const { isAllowed } = useSession();
  const [path] = useLocation();
  const at = `/${path.split('/')[1] ?? ''}`;
  const sections = SECTIONS.filter(({ needs }) => needs === undefined || isAllowed(needs));
  const [first, more] = [sections.slice(0, FIRST), sections.slice(FIRST)];
  const list = useId();
  const { isOpen, setOpen, container } = useDisclosure(path);
  return (
    <nav className="sections" aria-label="Pages" ref={container}>
      <ul>
        {first.map((section) => (
          <SectionLink key={section.at} section={section} isCurrent={section.at === at} />
        ))}
      </ul>
      <button
        type="button"
        className={more.some((section) => section.at === at) ? 'more-button current' : 'more-button'}
        aria-expanded={isOpen}
        aria-controls={list}
        onClick={() => setOpen(!isOpen)}
      >
        <Icon name="more" />
        <span>More</span>
      </button>
      <ul id={list} className={isOpen ? 'more open' : 'more'}>
        {more.map((section) => (
          <SectionLink key={section.at} section={section} isCurrent={section.at === at} />
        ))}
        <li>
          <a href={`${ROOT}graphql`}>
            <Icon name="graphiql" />
            <span>GraphiQL</span>
          </a>
        </li>
      </ul>
    </nav>
  );
}

function SectionLink({ section, isCurrent }: { readonly section: Section; readonly isCurrent: boolean }) {
  return (
    <li>
      <Link href={section.to} aria-current={isCurrent ? 'page' : undefined}>
        <Icon name={section.icon} />
        <span>{section.name}</span>
      </Link>
    </li>
  );
}

/** Returns whether a list is open. Escape, a press elsewhere, and another page close it. */
function useDisclosure(path: string) {
  const [openAt, setOpenAt] = useState<string>();
  const container = useRef<HTMLElement>(null);
  const isOpen = openAt === path;
  useEffect(() => {
    if (!isOpen) return;
    const closeByKey = (event: KeyboardEvent) => {
      if (event.key !== 'Escape') return;
      setOpenAt(undefined);
      container.current?.querySelector('button')?.focus();
    };
    const closeElsewhere = ({ target }: Event) => {
      if (target instanceof Node && container.current?.contains(target) === false) setOpenAt(undefined);
    };
    document.addEventListener('keydown', closeByKey);
    document.addEventListener('pointerdown', closeElsewhere);
    document.addEventListener('focusin', closeElsewhere);
    return () => {
      document.removeEventListener('keydown', closeByKey);
      document.removeEventListener('pointerdown', closeElsewhere);
      document.removeEventListener('focusin', closeElsewhere);
    };
  }, [isOpen]);
  return { isOpen, setOpen: (open: boolean) => setOpenAt(open ? path : undefined), container };
}
