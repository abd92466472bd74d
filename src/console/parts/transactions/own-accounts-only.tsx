import { pathTo } from '../../data/place.ts';
import { ButtonLink } from '../../kit/button.tsx';
import { Notice } from '../../kit/notice.tsx';
import { Forbidden } from '../../kit/states.tsx';
import { useSession } from '../../session/session-context.ts';

/** For a viewer without the right to a list of the whole ledger, who may see the same by account. */
export function OwnAccountsOnly({ what }: { readonly what: string }) {
  const { viewer, isAllowed } = useSession();
  if (viewer.owner === null || !isAllowed('accounts')) {
    return <Forbidden what={`reading ${what}`} scope="READ" />;
  }
  return (
    <Notice
      tone="info"
      title={`Your key or token is restricted to the accounts of ${viewer.owner}.`}
      actions={<ButtonLink to={pathTo.accounts}>Accounts</ButtonLink>}
    >
      It cannot list the {what} of the whole ledger. Open an account to see its {what}.
    </Notice>
  );
}
