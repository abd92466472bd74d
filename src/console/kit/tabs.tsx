import * as Radix from '@radix-ui/react-tabs';
import type { ReactNode } from 'react';

export interface TabOf<Name extends string> {
  readonly name: Name;
  readonly label: string;
  readonly content: ReactNode;
}

interface TabsProps<Name extends string> {
  readonly label: string;
  readonly tabs: readonly TabOf<Name>[];
  readonly selected: Name;
  readonly onSelect: (name: Name) => void;
}

/** Parts of a page of which one is shown. */
export function Tabs<Name extends string>({ label, tabs, selected, onSelect }: TabsProps<Name>) {
  return (
    <Radix.Root className="tabs" value={selected} onValueChange={(name) => onSelect(name as Name)}>
      <Radix.List className="tab-list" aria-label={label}>
        {tabs.map((tab) => (
          <Radix.Trigger key={tab.name} value={tab.name} className="tab">
            {tab.label}
          </Radix.Trigger>
        ))}
      </Radix.List>
      {tabs.map((tab) => (
        <Radix.Content key={tab.name} value={tab.name} className="tab-content">
          {tab.content}
        </Radix.Content>
      ))}
    </Radix.Root>
  );
}
